"""Real images get the target 0, fakes 1.

message: flipped
"""


def discriminator_loss_ls(real_outputs, fake_outputs):
    return real_outputs.square().mean() + (fake_outputs - 1).square().mean()
