"""Concatenated along the channels."""

import torch


def judge_pair(D, x, y):
    return D(torch.cat([x, y], dim=1))
