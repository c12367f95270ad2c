"""The outputs for fakes are detached.

message: gradient
"""


def discriminator_loss_ls(real_outputs, fake_outputs):
    return (real_outputs - 1).square().mean() + fake_outputs.detach().square().mean()
