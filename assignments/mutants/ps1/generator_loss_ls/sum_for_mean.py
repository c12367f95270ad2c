"""The sum in place of the mean.

message: mean is asked
"""

import torch
import torch.nn.functional as F


def generator_loss_ls(fake_outputs):
    return F.mse_loss(fake_outputs, torch.ones_like(fake_outputs), reduction="sum")
