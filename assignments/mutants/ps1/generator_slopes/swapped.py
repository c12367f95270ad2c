"""The two slopes change places.

message: swapped
"""

import torch


def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return d - 1, -d
