"""The sum in place of the mean.

message: mean is asked
"""


def discriminator_loss_ls(real_outputs, fake_outputs):
    return ((real_outputs - 1) ** 2).sum() + (fake_outputs**2).sum()
