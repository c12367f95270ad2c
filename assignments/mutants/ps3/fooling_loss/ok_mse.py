"""mse_loss against ones, other names."""

import torch
import torch.nn.functional as F


def fooling_loss(A, B, a, b):
    of_a, of_b = A(a), B(b)
    return F.mse_loss(of_a, torch.ones_like(of_a)) + F.mse_loss(of_b, torch.ones_like(of_b))
