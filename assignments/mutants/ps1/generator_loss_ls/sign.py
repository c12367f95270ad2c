"""Minus the loss.

message: sign
"""

import torch
import torch.nn.functional as F


def generator_loss_ls(fake_outputs):
    return -F.mse_loss(fake_outputs, torch.ones_like(fake_outputs))
