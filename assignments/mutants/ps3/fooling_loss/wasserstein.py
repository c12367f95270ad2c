"""The critic's loss of WGAN.

message: square
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return -D_y(fake_y).mean() - D_x(fake_x).mean()
