"""Softplus, as in the library."""

import torch.nn.functional as F


def generator_loss_saturating(fake_logits):
    return -F.softplus(fake_logits).mean()
