"""The return is forgotten.

message: return
"""

import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    loss.backward()
