"""y before x.

message: change places
"""

import torch


def judge_pair(D, x, y):
    return D(torch.cat([y, x], dim=1))
