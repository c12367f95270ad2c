"""The mean comes first.

message: before the square
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_y) - 1).mean().square() + (D_x(fake_x) - 1).mean().square()
