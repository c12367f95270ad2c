"""The slope of the sigmoid is counted twice.

message: once too often
"""

import torch


def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return -d * d * (1 - d), -(1 - d) * d * (1 - d)
