"""One code's noise for the whole batch.

message: which shape
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape[1:], generator=generator, dtype=mu.dtype)
    return mu + (logvar / 2).exp() * noise
