"""The probability is kept away from 0, where the gradient is needed.

message: rounded
"""

import torch


def generator_loss(fake_logits):
    d = torch.sigmoid(fake_logits).clamp(1e-7, 1 - 1e-7)
    return -d.log().mean()
