"""The sign of logvar.

message: sign of logvar
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + (-logvar / 2).exp() * noise
