"""The least-squares loss.

message: term by term
"""


def generator_loss(fake_logits):
    return ((fake_logits - 1) ** 2).mean()
