"""Uniform noise.

message: normal distribution
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.rand(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + (logvar / 2).exp() * noise
