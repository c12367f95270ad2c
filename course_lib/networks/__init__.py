"""Plain networks, built from numbers."""

from course_lib.networks.blocks import init_weights, parameter_count, receptive_field
from course_lib.networks.discriminators import DCGANDiscriminator, PatchGAN
from course_lib.networks.generators import DCGANGenerator, EncoderDecoder, UNet
from course_lib.networks.resnet import ResNetGenerator

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "EncoderDecoder",
    "PatchGAN",
    "ResNetGenerator",
    "UNet",
    "init_weights",
    "parameter_count",
    "receptive_field",
]
