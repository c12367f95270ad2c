"""The logarithm of the sigmoid, in one function; other names."""

import torch.nn.functional as F


def discriminator_loss(r, f):
    return -(F.logsigmoid(r).mean() + F.logsigmoid(-f).mean())
