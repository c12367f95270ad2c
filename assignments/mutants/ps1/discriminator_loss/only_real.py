"""The term of the fakes is forgotten.

message: missing
"""

import torch
import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    return F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
