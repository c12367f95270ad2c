"""Computed without gradients.

message: gradient reaches y
"""

import torch


def judge_pair(D, x, y):
    with torch.no_grad():
        return D(torch.cat([x, y], 1))
