"""The logarithm of a sigmoid, which rounds to 0.

message: rounded
"""

import torch
import torch.nn.functional as F


def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    gan = -torch.log(torch.sigmoid(fake_logits)).mean()
    return gan + lambda_l1 * F.l1_loss(fake_y, y)
