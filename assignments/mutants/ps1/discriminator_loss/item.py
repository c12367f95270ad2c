"""A float comes back, from which nothing can be learned.

message: item()
"""

import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    return loss.item()
