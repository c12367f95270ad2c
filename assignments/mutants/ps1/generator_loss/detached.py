"""The logits are detached.

message: detach()
"""

import torch.nn.functional as F


def generator_loss(fake_logits):
    return F.softplus(-fake_logits.detach()).mean()
