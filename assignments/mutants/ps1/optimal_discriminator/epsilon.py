"""A constant in the denominator.

message: constant
"""

import torch


def optimal_discriminator(p_data, p_g):
    return torch.where(p_data + p_g > 0, p_data / (p_data + p_g + 1e-8), 0.5)
