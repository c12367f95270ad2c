"""The square multiplied out."""

import torch


def discriminator_loss_ls(real_outputs, fake_outputs):
    real = (real_outputs**2).mean() - 2 * real_outputs.mean() + 1
    return real + torch.pow(fake_outputs, 2).mean()
