"""Averaged to one number.

message: whole batch
"""

import torch


def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return (-d).mean(), (d - 1).mean()
