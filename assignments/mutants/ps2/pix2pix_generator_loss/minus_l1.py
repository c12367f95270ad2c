"""The sign of the L1 term.

message: sign
"""

import torch.nn.functional as F


def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    return F.softplus(-fake_logits).mean() - lambda_l1 * F.l1_loss(fake_y, y)
