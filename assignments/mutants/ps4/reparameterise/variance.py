"""The variance in place of the standard deviation.

message: with the variance
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + logvar.exp() * noise
