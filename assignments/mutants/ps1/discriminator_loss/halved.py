"""The two terms are averaged, not added.

message: half
"""

import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    return (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()) / 2
