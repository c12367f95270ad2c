"""CycleGAN with noise for its generators: a row of MUNIT's Table 1."""

import torch
from torch import Tensor

from course_lib.methods import cyclegan
from course_lib.networks import ResNetGenerator

NOISE = 8  # maps of noise that a generator sees beside its image


class NoisyGenerator(ResNetGenerator):
    """A generator that draws noise, N(0, 1), for each pixel: norms take out what is constant."""

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.randn(len(x), NOISE, *x.shape[2:], device=x.device)
        return super().forward(torch.cat([x, noise], dim=1))


class NoisyCycleGAN(cyclegan.CycleGAN):
    """CycleGAN with noise for its generators, which no term asks them to use."""

    has_chance, is_one_network = True, False

    def generator(self) -> NoisyGenerator:
        cfg = self.config
        return NoisyGenerator(
            cfg.base_channels, cfg.n_blocks, cfg.upsampling, in_channels=3 + NOISE
        )
