"""A seed of its own.

message: seed
"""

import torch


def reparameterise(mu, logvar, generator=None):
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + (logvar / 2).exp() * noise
