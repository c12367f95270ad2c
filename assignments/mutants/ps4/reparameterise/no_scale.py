"""The noise is not scaled.

message: not scaled
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + noise
