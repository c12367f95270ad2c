"""The global generator is used.

message: generator
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape, dtype=mu.dtype)
    return mu + (logvar / 2).exp() * noise
