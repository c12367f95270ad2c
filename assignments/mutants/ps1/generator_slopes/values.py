"""The losses themselves, not their slopes.

message: differentiate
"""

import torch.nn.functional as F


def generator_slopes(fake_logits):
    return -F.softplus(fake_logits), F.softplus(-fake_logits)
