"""A small number inside the logarithm.

message: rounded
"""

import torch


def generator_loss_saturating(fake_logits):
    return (1 - torch.sigmoid(fake_logits) + 1e-6).log().mean()
