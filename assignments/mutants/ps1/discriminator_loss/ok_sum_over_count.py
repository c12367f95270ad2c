"""Sums divided by the number of elements."""

import torch


def discriminator_loss(real_logits, fake_logits):
    d_real = torch.logaddexp(torch.zeros_like(real_logits), -real_logits).sum() / real_logits.numel()
    d_fake = torch.logaddexp(torch.zeros_like(fake_logits), fake_logits).sum() / fake_logits.numel()
    return d_fake + d_real
