"""A small number inside the logarithm.

message: rounded
"""

import torch


def generator_loss(fake_logits):
    return -torch.log(torch.sigmoid(fake_logits) + 1e-8).mean()
