"""The logarithm is forgotten.

message: logarithm
"""

import torch


def generator_loss(fake_logits):
    return -torch.sigmoid(fake_logits).mean()
