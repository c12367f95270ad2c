"""The two arguments change places.

message: flipped
"""

import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    return F.softplus(-fake_logits).mean() + F.softplus(real_logits).mean()
