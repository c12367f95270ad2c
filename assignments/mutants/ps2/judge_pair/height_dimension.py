"""Joined along the height.

message: along
"""

import torch


def judge_pair(D, x, y):
    return D(torch.cat([x, y], dim=2))
