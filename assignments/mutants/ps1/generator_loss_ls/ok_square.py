"""The square."""


def generator_loss_ls(fake_outputs):
    return (fake_outputs - 1).square().mean()
