"""The term of the fakes is forgotten.

message: missing
"""

import torch
import torch.nn.functional as F


def discriminator_loss_ls(real_outputs, fake_outputs):
    return F.mse_loss(real_outputs, torch.ones_like(real_outputs))
