"""Plain networks, built from numbers."""

from course_lib.networks.blocks import init_weights, parameter_count, receptive_field
from course_lib.networks.discriminators import PatchGAN
from course_lib.networks.generators import EncoderDecoder, UNet

__all__ = ["EncoderDecoder", "PatchGAN", "UNet", "init_weights", "parameter_count", "receptive_field"]
