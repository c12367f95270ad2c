"""A sigmoid before the square.

message: sigmoid
"""

import torch


def generator_loss_ls(fake_outputs):
    return (torch.sigmoid(fake_outputs) - 1).square().mean()
