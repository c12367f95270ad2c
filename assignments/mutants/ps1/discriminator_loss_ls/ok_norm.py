"""Squared norms over counts."""

import torch


def discriminator_loss_ls(r, f):
    return ((1 - r) * (1 - r)).sum() / r.numel() + torch.sum(f * f) / f.numel()
