"""A sigmoid of the ratio.

message: sigmoid of the ratio
"""

import torch


def optimal_discriminator(p_data, p_g):
    return torch.sigmoid(p_data / p_g)
