"""nan replaced by a half."""

import torch


def optimal_discriminator(real, fake):
    return torch.nan_to_num(real / (real + fake), nan=0.5)
