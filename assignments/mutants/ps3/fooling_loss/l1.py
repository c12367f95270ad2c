"""Absolute errors.

message: absolute
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_y) - 1).abs().mean() + (D_x(fake_x) - 1).abs().mean()
