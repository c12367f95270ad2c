"""Plain networks, built from numbers."""

from course_lib.networks.blocks import init_weights, parameter_count, receptive_field
from course_lib.networks.discriminators import DCGANDiscriminator, PatchGAN
from course_lib.networks.generators import DCGANGenerator, EncoderDecoder, UNet

__all__ = [
    "DCGANDiscriminator",
    "DCGANGenerator",
    "EncoderDecoder",
    "PatchGAN",
    "UNet",
    "init_weights",
    "parameter_count",
    "receptive_field",
]
