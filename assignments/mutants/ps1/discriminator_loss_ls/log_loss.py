"""The log loss again.

message: log loss
"""

import torch.nn.functional as F


def discriminator_loss_ls(real_outputs, fake_outputs):
    return F.softplus(-real_outputs).mean() + F.softplus(fake_outputs).mean()
