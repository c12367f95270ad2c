"""Sizes in place of slopes for the second one.

message: sign
"""

import torch


def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return -d, (1 - d).abs()
