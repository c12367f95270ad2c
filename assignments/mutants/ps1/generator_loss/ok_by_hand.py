"""max(-a, 0) + log(1 + exp(-|a|)), by hand."""

import torch


def generator_loss(fake_logits):
    a = fake_logits
    return ((-a).clamp(min=0) + torch.log1p(torch.exp(-a.abs()))).mean()
