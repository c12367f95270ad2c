"""Minus the loss of logits with labels of zeros."""

import torch
import torch.nn.functional as F


def generator_loss_saturating(fake_logits):
    return -F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
