"""Samples from noise: a generator that hands out real images, one that has collapsed, one of grey
noise.
"""

import pytest
import torch
from torch import Tensor

from course_lib.data import open_dataset
from course_lib.methods.base import Method, TrainingConfig
from course_lib.metrics.generated import score_generated


class Invented(Method):
    """Hands out images of ``split``, in turn or always the first, or noise."""

    translates = False

    def __init__(self, split: str = "", only: int | None = None):
        super().__init__(TrainingConfig(image_size=32))
        self.data, self.only, self.made = open_dataset("emoji:edges", split or "test", 32), only, 0
        self.real = bool(split)

    def generate(self, n: int) -> Tensor:
        self.made += n
        if not self.real:
            return torch.rand(n, 3, 32, 32) * 2 - 1
        rows = range(self.made - n, self.made) if self.only is None else [self.only] * n
        return torch.stack([self.data[i % len(self.data)]["y"] for i in rows])


def test_real_images_collapse_and_noise_are_told_apart():
    planted = (Invented("val"), Invented("val", 5), Invented())
    real, one, noise = (score_generated(method, "emoji:edges") for method in planted)
    assert real["coverage_features"] > 0.5 > 0.05 > one["coverage_features"]
    assert noise["coverage_features"] < 0.05
    assert one["variety_l1"] < 1e-5
    assert real["variety_l1"] == pytest.approx(real["real_pairs_l1"], rel=0.15)
    assert (
        real["frechet_features"] < one["frechet_features"]
        and real["frechet_features"] < noise["frechet_features"]
    )
    assert real["realism_error"] > 0.35 and noise["realism_error"] < 0.05
