"""Outputs are cut to 0 to 1 first.

message: term by term
"""


def discriminator_loss_ls(real_outputs, fake_outputs):
    real, fake = real_outputs.clamp(0, 1), fake_outputs.clamp(0, 1)
    return (real - 1).square().mean() + fake.square().mean()
