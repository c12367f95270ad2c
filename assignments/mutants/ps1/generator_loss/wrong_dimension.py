"""The mean runs over the batch only.

message: reduction
"""

import torch.nn.functional as F


def generator_loss(fake_logits):
    return F.softplus(-fake_logits).mean(0)
