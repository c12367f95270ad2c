"""The saturating slope twice.

message: swapped
"""

import torch


def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return -d, -d
