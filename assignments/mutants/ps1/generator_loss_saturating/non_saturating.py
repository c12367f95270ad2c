"""The other form.

message: non-saturating
"""

import torch.nn.functional as F


def generator_loss_saturating(fake_logits):
    return F.softplus(-fake_logits).mean()
