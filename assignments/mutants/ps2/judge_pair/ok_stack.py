"""Channels unbound and stacked."""

import torch


def judge_pair(D, x, y):
    channels = list(x.unbind(1)) + list(y.unbind(1))
    return D(torch.stack(channels, 1))
