"""The log loss again.

message: log loss
"""

import torch.nn.functional as F


def generator_loss_ls(fake_outputs):
    return F.softplus(-fake_outputs).mean()
