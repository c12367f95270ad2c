"""The logits are taken for probabilities.

message: logarithm
"""

import torch


def generator_loss_saturating(fake_logits):
    return torch.log((1 - fake_logits).clamp(min=1e-12)).mean()
