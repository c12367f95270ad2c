"""One number for each image.

message: which shape
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape[0], 1, generator=generator, dtype=mu.dtype)
    return mu + (logvar / 2).exp() * noise
