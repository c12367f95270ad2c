"""Another name and another function."""

from torch import nn


def generator_loss(logits_of_fakes):
    loss = nn.LogSigmoid()
    return loss(logits_of_fakes).mean().neg()
