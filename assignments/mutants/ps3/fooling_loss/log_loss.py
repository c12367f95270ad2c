"""The log loss of pix2pix.

message: log loss
"""

import torch.nn.functional as F


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return F.softplus(-D_y(fake_y)).mean() + F.softplus(-D_x(fake_x)).mean()
