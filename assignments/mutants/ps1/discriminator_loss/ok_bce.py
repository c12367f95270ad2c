"""The loss of logits with labels of ones and zeros."""

import torch
import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    d_real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    d_fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return d_real + d_fake
