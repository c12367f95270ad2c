"""Fakes get the target 0, as for D.

message: view of fakes
"""


def generator_loss_ls(fake_outputs):
    return fake_outputs.square().mean()
