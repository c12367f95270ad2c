"""Absolute errors in place of squared ones.

message: absolute
"""


def discriminator_loss_ls(real_outputs, fake_outputs):
    return (real_outputs - 1).abs().mean() + fake_outputs.abs().mean()
