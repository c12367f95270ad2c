"""A sigmoid before the loss that applies its own.

message: twice
"""

import torch
import torch.nn.functional as F


def generator_loss(fake_logits):
    d = torch.sigmoid(fake_logits)
    return F.binary_cross_entropy_with_logits(d, torch.ones_like(d))
