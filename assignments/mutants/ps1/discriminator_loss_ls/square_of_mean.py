"""The mean before the square.

message: term by term
"""


def discriminator_loss_ls(real_outputs, fake_outputs):
    return (real_outputs - 1).mean() ** 2 + fake_outputs.mean() ** 2
