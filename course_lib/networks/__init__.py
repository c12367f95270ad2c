"""Plain networks, built from numbers. Each is in the file of its paper."""

import importlib
from typing import Any

# name: module below this one; by name, so that a training loads its own networks alone
NETWORKS = {
    "CNNEncoder": "bicycle",
    "CodedUNet": "bicycle",
    "DCGANDiscriminator": "discriminators",
    "DCGANGenerator": "generators",
    "MultiScaleD": "pix2pixhd",
    "PatchGAN": "discriminators",
    "ResNetGenerator": "resnet",
    "UNet": "generators",
    "receptive_field": "blocks",
}


def __getattr__(name: str) -> Any:
    if name not in NETWORKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{NETWORKS[name]}"), name)
