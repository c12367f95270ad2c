"""Halved.

message: half
"""


def generator_loss_ls(fake_outputs):
    return 0.5 * (fake_outputs - 1).square().mean()
