"""A small number inside the logarithm against infinity.

message: rounded
"""

import torch


def discriminator_loss(real_logits, fake_logits):
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return -(real + 1e-8).log().mean() - (1 - fake + 1e-8).log().mean()
