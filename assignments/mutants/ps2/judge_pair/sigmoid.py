"""A sigmoid is applied.

message: sigmoid
"""

import torch


def judge_pair(D, x, y):
    return torch.sigmoid(D(torch.cat([x, y], 1)))
