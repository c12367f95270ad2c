"""Other names, a negative dimension."""

import torch


def judge_pair(net, condition, image):
    return net(torch.concat((condition, image), dim=-3))
