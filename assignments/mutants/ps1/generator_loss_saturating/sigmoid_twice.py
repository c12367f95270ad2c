"""A sigmoid before the stable function that applies its own.

message: twice
"""

import torch
import torch.nn.functional as F


def generator_loss_saturating(fake_logits):
    d = torch.sigmoid(fake_logits)
    return F.logsigmoid(-d).mean()
