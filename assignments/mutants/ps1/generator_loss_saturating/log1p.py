"""log1p of minus the sigmoid, which is still 0 for large logits.

message: rounded
"""

import torch


def generator_loss_saturating(fake_logits):
    return torch.log1p(-torch.sigmoid(fake_logits)).mean()
