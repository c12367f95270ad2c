"""The two formulas of the derivation."""

import torch


def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return -d, -(1 - d)
