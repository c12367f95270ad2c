"""Trained generators that come with the course: what the demos start with.

Anywhere a run is asked for, they are ``shipped:NAME``; ``course weights`` lists them. They are made
by ``tools/ship.py``.
"""

import hashlib
import json
from pathlib import Path

import safetensors.torch

from course_lib.errors import CourseError
from course_lib.methods import configs, method_class
from course_lib.methods.base import Method
from course_lib.networks.hardware import seeded
from course_lib.training import profiles

FILES = Path(__file__).parent / "shipped_files"
PREFIX = "shipped:"
# in the order in which they are shown
NAMES = (
    "edges-emoji",
    "edges-emoji-many",
    "flat-3d",
    "facades",
    "facades-many",
    "flat-3d-many",
    "facades-hd",
    "day-night",
    "photos-colour",
)


def name_of(folder: Path | str) -> str | None:
    """NAME of ``shipped:NAME``, None for a folder. Raises CourseError for an unknown name."""
    text = str(folder)
    if not text.startswith(PREFIX):
        return None
    name = text.removeprefix(PREFIX)
    if name not in NAMES:
        raise CourseError(
            f"no shipped weights are called {name!r}", text, f"choose from {', '.join(NAMES)}"
        )
    return name


def about(name: str, folder: Path = FILES) -> dict:
    """Where the weights come from: command, seed, hash of the data, seconds, device, scores."""
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def summary(name: str) -> str:
    """One line about the weights called ``name``."""
    origin = about(name)
    run = origin["run"]
    size = f"{run['config']['image_size']} px, {origin['bytes'] / 1e6:.1f} MB"
    made = f"{origin['steps']} steps in {origin['seconds'] / 60:.0f} min, {run['device']}"
    return f"{name:18} {origin['title']}: {run['method']}, {size}, {made}"


def load(name: str, device: str = "auto", folder: Path = FILES) -> tuple[Method, dict]:
    """(method, settings) as of ``runs.open_run``.

    The weights are the averaged ones, for G and its average alike. Raises CourseError if the file
    is not the one that its origin tells of.
    """
    origin = about(name, folder)
    blob = (folder / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(blob).hexdigest() != origin["sha256"]:
        raise CourseError(
            "these weights are damaged", folder / f"{name}.safetensors", "install the course again"
        )
    settings = origin["run"]
    cls = method_class(settings["method"])
    place = profiles.pick_device(device)
    with seeded(0, place):
        method = cls(configs.build(cls.Config, **settings["config"]), place)
    states: dict[str, dict] = {}
    for key, tensor in safetensors.torch.load(blob).items():
        network, _, part = key.partition(".")
        states.setdefault(network, {})[part] = tensor
    for network, state in states.items():
        method.networks[network].load_state_dict(state)
        if f"{network}_average" in method.networks:  # which also counts its updates
            method.networks[f"{network}_average"].load_state_dict(state, strict=False)
    return method, settings
