"""exp of twice logvar.

message: too much
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + (2 * logvar).exp() * noise
