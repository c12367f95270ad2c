"""y is joined to itself.

message: y twice
"""

import torch


def judge_pair(D, x, y):
    return D(torch.cat([y, y], 1))
