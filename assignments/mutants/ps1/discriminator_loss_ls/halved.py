"""Halved, as in some papers.

message: half
"""


def discriminator_loss_ls(real_outputs, fake_outputs):
    return 0.5 * ((real_outputs - 1).square().mean() + fake_outputs.square().mean())
