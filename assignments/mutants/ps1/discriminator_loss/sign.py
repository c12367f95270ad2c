"""The objective itself, which D would maximise.

message: sign
"""

import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    return F.logsigmoid(real_logits).mean() + F.logsigmoid(-fake_logits).mean()
