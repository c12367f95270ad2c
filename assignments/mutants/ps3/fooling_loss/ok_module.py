"""A module, with the discriminators frozen meanwhile."""

from torch import nn


def fooling_loss(D_x, D_y, fake_x, fake_y):
    distance, total = nn.MSELoss(), 0
    for D, fake in ((D_x, fake_x), (D_y, fake_y)):
        D.requires_grad_(False)
        output = D(fake)
        D.requires_grad_(True)
        total = total + distance(output, output.new_ones(output.shape))
    return total
