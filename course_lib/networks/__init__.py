"""Plain networks, built from numbers."""

from course_lib.networks.bicycle import CNNEncoder, CodedUNet, MultiScalePatchGAN, ResNetEncoder
from course_lib.networks.blocks import init_weights, parameter_count, receptive_field
from course_lib.networks.discriminators import DCGANDiscriminator, PatchGAN
from course_lib.networks.generators import DCGANGenerator, EncoderDecoder, UNet
from course_lib.networks.resnet import ResNetGenerator

__all__ = [
    "CNNEncoder",
    "CodedUNet",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "EncoderDecoder",
    "MultiScalePatchGAN",
    "PatchGAN",
    "ResNetEncoder",
    "ResNetGenerator",
    "UNet",
    "init_weights",
    "parameter_count",
    "receptive_field",
]
