"""y is detached here, where G needs it.

message: gradient reaches y
"""

import torch


def judge_pair(D, x, y):
    return D(torch.cat([x, y.detach()], 1))
