"""1 - sigmoid(a) is sigmoid(-a)."""

import torch
from torch import nn


def generator_loss_saturating(a):
    return torch.mean(nn.LogSigmoid()(-a))
