"""Sums over counts."""

import torch
import torch.nn.functional as F


def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    gan = -F.logsigmoid(fake_logits).sum() / fake_logits.numel()
    l1 = torch.linalg.vector_norm(fake_y - y, ord=1) / y.numel()
    return gan + l1 * lambda_l1
