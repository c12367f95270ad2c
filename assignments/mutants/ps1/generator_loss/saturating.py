"""The minimax form.

message: saturating
"""

import torch.nn.functional as F


def generator_loss(fake_logits):
    return -F.softplus(fake_logits).mean()
