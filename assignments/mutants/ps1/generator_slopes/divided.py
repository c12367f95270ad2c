"""Multiplies and divides by what rounds to 0.

message: nan
"""

import torch


def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return -1 / (1 - d) * d * (1 - d), -1 / d * d * (1 - d)
