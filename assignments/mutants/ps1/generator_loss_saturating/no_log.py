"""The logarithm is forgotten.

message: logarithm
"""

import torch


def generator_loss_saturating(fake_logits):
    return (1 - torch.sigmoid(fake_logits)).mean()
