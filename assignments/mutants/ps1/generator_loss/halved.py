"""Halved, as in the objective of D.

message: half
"""

import torch.nn.functional as F


def generator_loss(fake_logits):
    return 0.5 * F.softplus(-fake_logits).mean()
