"""addcmul, noise drawn in float32."""

import torch


def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(*mu.shape, generator=generator).to(mu)
    return torch.addcmul(mu, torch.exp(0.5 * logvar), noise)
