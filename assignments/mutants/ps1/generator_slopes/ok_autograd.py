"""Differentiates the stable losses, summed."""

import torch
import torch.nn.functional as F


def generator_slopes(fake_logits):
    a = fake_logits.detach().clone().requires_grad_()
    (saturating,) = torch.autograd.grad(-F.softplus(a).sum(), a)
    (other,) = torch.autograd.grad(F.softplus(-a).sum(), a)
    return saturating, other
