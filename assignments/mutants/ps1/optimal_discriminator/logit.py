"""The logit of the best D.

message: logit
"""

import torch


def optimal_discriminator(p_data, p_g):
    return torch.log(p_data) - torch.log(p_g)
