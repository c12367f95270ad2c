"""Sums in place of means.

message: sum where a mean
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_y) - 1).square().sum() + (D_x(fake_x) - 1).square().sum()
