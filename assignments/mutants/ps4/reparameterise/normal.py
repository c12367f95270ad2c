"""torch.normal, which has no gradient.

message: gradient
"""

import torch


def reparameterise(mu, logvar, generator=None):
    return torch.normal(mu.detach(), (logvar / 2).exp().detach(), generator=generator)
