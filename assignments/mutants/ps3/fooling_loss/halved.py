"""The half of LSGAN's paper.

message: half
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return 0.5 * ((D_y(fake_y) - 1).square().mean() + (D_x(fake_x) - 1).square().mean())
