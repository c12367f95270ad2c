"""A sigmoid before the loss that applies its own.

message: twice
"""

import torch
import torch.nn.functional as F


def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    d = torch.sigmoid(fake_logits)
    return F.binary_cross_entropy_with_logits(d, torch.ones_like(d)) + lambda_l1 * F.l1_loss(fake_y, y)
