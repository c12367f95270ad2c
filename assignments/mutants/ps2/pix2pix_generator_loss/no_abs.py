"""The absolute value after the mean.

message: errors cancel
"""

import torch.nn.functional as F


def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    return F.softplus(-fake_logits).mean() + lambda_l1 * (fake_y - y).mean().abs()
