"""Only which density is larger.

message: larger
"""

import torch


def optimal_discriminator(p_data, p_g):
    return torch.where(p_data > p_g, 1.0, 0.0).double()
