"""Both slopes are turned around.

message: sign
"""

import torch


def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return d, 1 - d
