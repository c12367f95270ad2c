"""The slopes in D, not in the logit.

message: not in the logit
"""

import torch


def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return -1 / (1 - d), -1 / d
