"""A sigmoid of the difference.

message: difference
"""

import torch


def optimal_discriminator(p_data, p_g):
    return torch.sigmoid(p_data - p_g)
