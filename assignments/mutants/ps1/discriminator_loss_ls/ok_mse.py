"""mse_loss with targets."""

import torch
import torch.nn.functional as F


def discriminator_loss_ls(real_outputs, fake_outputs):
    d_real = F.mse_loss(real_outputs, torch.ones_like(real_outputs))
    d_fake = F.mse_loss(fake_outputs, torch.zeros_like(fake_outputs))
    return d_fake + d_real
