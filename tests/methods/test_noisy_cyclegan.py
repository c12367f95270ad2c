"""CycleGAN with noise for its generators."""

import torch

from course_lib.methods.noisy_cyclegan import NoisyCycleGAN
from tests.support.tensors import pairs as batch


def test_noise_makes_each_translation_another_one():
    torch.manual_seed(0)
    config = NoisyCycleGAN.Config(image_size=16, base_channels=4, d_base_channels=4, d_layers=1)
    method, x = NoisyCycleGAN(config), batch()["x"]
    assert not torch.equal(method.translate(x)["fake_y"], method.translate(x)["fake_y"])
