"""mu is detached.

message: gradient
"""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu.detach() + (logvar / 2).exp() * noise
