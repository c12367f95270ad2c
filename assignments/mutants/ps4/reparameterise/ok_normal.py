"""torch.normal of zeros and ones."""

import torch


def reparameterise(mu, logvar, generator=None):
    zeros = torch.zeros_like(mu)
    return mu + torch.normal(zeros, zeros + 1, generator=generator) * 2.718281828459045 ** (logvar / 2)
