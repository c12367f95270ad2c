"""Differentiates the logarithm of a rounded probability.

message: nan
"""

import torch


def generator_slopes(fake_logits):
    a = fake_logits.detach().requires_grad_()
    d = torch.sigmoid(a)
    saturating = torch.autograd.grad(torch.log(1 - d).sum(), a, retain_graph=True)[0]
    return saturating, torch.autograd.grad(-torch.log(d).sum(), a)[0]
