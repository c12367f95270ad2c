"""x is joined to itself.

message: condition twice
"""

import torch


def judge_pair(D, x, y):
    return D(torch.cat([x, x], dim=1))
