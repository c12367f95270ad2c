"""logvar as it is.

message: no noise
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + logvar * noise
