"""The logarithm of a sigmoid, which rounds to 0.

message: rounded
"""

import torch


def generator_loss(fake_logits):
    return -torch.log(torch.sigmoid(fake_logits)).mean()
