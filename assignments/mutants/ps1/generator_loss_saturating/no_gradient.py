"""Computed without gradients.

message: no_grad
"""

import torch
import torch.nn.functional as F


def generator_loss_saturating(fake_logits):
    with torch.no_grad():
        return -F.softplus(fake_logits).mean()
