"""A sigmoid before the loss that applies its own.

message: twice
"""

import torch
import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    d_real = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    return d_real + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
