"""The module, other names."""

from torch import nn

criterion = nn.MSELoss()


def generator_loss_ls(output):
    return criterion(output, output.new_ones(output.shape))
