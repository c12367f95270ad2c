"""The root of the variance, normal_ in place."""

import torch


def reparameterise(mean, log_variance, generator=None):
    eps = torch.empty_like(mean).normal_(generator=generator)
    return eps * log_variance.exp().sqrt() + mean
