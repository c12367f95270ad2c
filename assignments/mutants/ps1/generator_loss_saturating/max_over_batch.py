"""Averaged over the batch only, not over the map.

message: reduction
"""

import torch.nn.functional as F


def generator_loss_saturating(fake_logits):
    return -F.softplus(fake_logits).mean(dim=0)
