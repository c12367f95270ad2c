"""BCE of logits and l1_loss."""

import torch
import torch.nn.functional as F


def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    gan = F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
    return gan + lambda_l1 * F.l1_loss(fake_y, y)
