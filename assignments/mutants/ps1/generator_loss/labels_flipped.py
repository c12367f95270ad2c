"""Fakes get the target 0, as for D.

message: view of fakes
"""

import torch
import torch.nn.functional as F


def generator_loss(fake_logits):
    return F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
