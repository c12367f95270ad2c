"""The mean before the square.

message: before the square
"""


def generator_loss_ls(fake_outputs):
    return (fake_outputs.mean() - 1) ** 2
