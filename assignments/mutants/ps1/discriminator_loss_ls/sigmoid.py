"""A sigmoid before the squares.

message: sigmoid
"""

import torch
import torch.nn.functional as F


def discriminator_loss_ls(real_outputs, fake_outputs):
    real, fake = torch.sigmoid(real_outputs), torch.sigmoid(fake_outputs)
    return F.mse_loss(real, torch.ones_like(real)) + F.mse_loss(fake, torch.zeros_like(fake))
