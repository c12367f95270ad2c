"""Plain networks, built from numbers. Each is in the file of its paper."""

from course_lib.networks.bicycle import CNNEncoder, CodedUNet
from course_lib.networks.blocks import parameter_count, receptive_field
from course_lib.networks.discriminators import DCGANDiscriminator, PatchGAN
from course_lib.networks.generators import DCGANGenerator, UNet
from course_lib.networks.pix2pixhd import MultiScaleD
from course_lib.networks.resnet import ResNetGenerator

__all__ = [
    "CNNEncoder",
    "CodedUNet",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "MultiScaleD",
    "PatchGAN",
    "ResNetGenerator",
    "UNet",
    "parameter_count",
    "receptive_field",
]
