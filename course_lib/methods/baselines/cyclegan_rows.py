"""Rows that are CycleGAN with another loss (its Tables 1 to 3), or with noise (MUNIT's Table 1)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from course_lib import losses
from course_lib.methods import cyclegan
from course_lib.networks import ResNetGenerator
from course_lib.networks.frozen import load_segmenter

NOISE = 8  # maps of noise that a generator sees beside its image


@dataclass(frozen=True)
class Config(cyclegan.Config):
    """CycleGAN's hyperparameters, without its cycles."""

    REMOVED: ClassVar = {}

    lambda_forward: float = 0.0
    lambda_backward: float = 0.0


class SimGAN(cyclegan.CycleGAN):
    """A translation stays close to its input: ||G_xy(x) - x||_1 (Shrivastava et al. 2017)."""

    Config = Config

    def features(self, images: Tensor) -> Tensor:
        """What is compared: here the images themselves."""
        return images

    def loss_weights(self) -> dict[str, float]:
        return super().loss_weights() | {"g_self": 10.0}

    def generator_terms(self, x: Tensor, y: Tensor, out: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the generators minimise, unweighted: ``g_self``, both ways, beside the GAN loss."""
        there = losses.l1(self.features(out["fake_y"]), self.features(x))
        back = losses.l1(self.features(out["fake_x"]), self.features(y))
        return super().generator_terms(x, y, out) | {"g_self": there + back}


class FeatureGAN(SimGAN):
    """Features stay close. The frozen segmenter of façades stands in for the paper's VGG."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.features = load_segmenter(self.config.image_size).to(self.device).features


class NoisyGenerator(ResNetGenerator):
    """A generator that draws noise, N(0, 1), for each pixel: norms take out what is constant."""

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.randn(len(x), NOISE, *x.shape[2:], device=x.device)
        return super().forward(torch.cat([x, noise], dim=1))


class NoisyCycleGAN(cyclegan.CycleGAN):
    """CycleGAN with noise for its generators, which no term asks them to use (MUNIT, Table 1)."""

    def generator(self) -> NoisyGenerator:
        cfg = self.config
        sizes = cfg.base_channels, cfg.n_blocks, cfg.upsampling
        return NoisyGenerator(*sizes, in_channels=3 + NOISE)
