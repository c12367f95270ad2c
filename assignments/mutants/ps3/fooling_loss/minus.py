"""The sign of the loss.

message: sign
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return -(D_y(fake_y) - 1).square().mean() - (D_x(fake_x) - 1).square().mean()
