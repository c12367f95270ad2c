"""The logarithm of 1 - sigmoid, which rounds to 0.

message: rounded
"""

import torch


def generator_loss_saturating(fake_logits):
    return torch.log(1 - torch.sigmoid(fake_logits)).mean()
