"""A sigmoid and the loss of probabilities, which clamps its logarithm.

message: rounded
"""

import torch
import torch.nn.functional as F


def discriminator_loss(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    d_real = F.binary_cross_entropy(real, torch.ones_like(real))
    return d_real + F.binary_cross_entropy(fake, torch.zeros_like(fake))
