"""The logarithm of D in place of that of 1 - D.

message: 1 - D
"""

import torch.nn.functional as F


def generator_loss_saturating(fake_logits):
    return F.logsigmoid(fake_logits).mean()
