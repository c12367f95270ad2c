"""The mean is taken of the images only.

message: reduction
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_y) - 1).square().mean(0) + (D_x(fake_x) - 1).square().mean(0)
