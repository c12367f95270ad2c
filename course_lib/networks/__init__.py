"""Plain networks, built from numbers. Each is in the file of its paper."""

from course_lib.networks.bicycle import CNNEncoder, CodedUNet, MultiScalePatchGAN, ResNetEncoder
from course_lib.networks.blocks import parameter_count, receptive_field
from course_lib.networks.cut import PatchProjections
from course_lib.networks.discriminators import DCGANDiscriminator, PatchGAN
from course_lib.networks.generators import DCGANGenerator, UNet
from course_lib.networks.munit import ContentEncoder, MUNITDiscriminator, StyleDecoder, StyleEncoder
from course_lib.networks.pix2pixhd import (
    FeatureEncoder,
    GlobalGenerator,
    LocalEnhancer,
    MultiScaleD,
)
from course_lib.networks.resnet import ResNetGenerator
from course_lib.networks.time_unet import TimedUNet
from course_lib.networks.unit import LatentDecoders, LatentEncoders

__all__ = [
    "CNNEncoder",
    "CodedUNet",
    "ContentEncoder",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "FeatureEncoder",
    "GlobalGenerator",
    "LatentDecoders",
    "LatentEncoders",
    "LocalEnhancer",
    "MUNITDiscriminator",
    "MultiScaleD",
    "MultiScalePatchGAN",
    "PatchGAN",
    "PatchProjections",
    "ResNetEncoder",
    "ResNetGenerator",
    "StyleDecoder",
    "StyleEncoder",
    "TimedUNet",
    "UNet",
    "parameter_count",
    "receptive_field",
]
