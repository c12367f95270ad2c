"""Real images get the target 0, fakes 1.

message: flipped
"""

import torch
import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    d_real = F.binary_cross_entropy_with_logits(real_logits, torch.zeros_like(real_logits))
    d_fake = F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
    return d_real + d_fake
