"""The sign is forgotten.

message: sign
"""

import torch.nn.functional as F


def generator_loss(fake_logits):
    return F.logsigmoid(fake_logits).mean()
