"""Averaged to one number.

message: one number
"""

import torch


def judge_pair(D, x, y):
    return D(torch.cat([x, y], 1)).mean()
