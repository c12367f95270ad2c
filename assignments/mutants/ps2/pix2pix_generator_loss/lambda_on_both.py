"""The weight is at both terms.

message: which term
"""

import torch.nn.functional as F


def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    return lambda_l1 * (F.softplus(-fake_logits).mean() + F.l1_loss(fake_y, y))
