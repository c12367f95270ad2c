"""The outputs go through a sigmoid.

message: sigmoid
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_y).sigmoid() - 1).square().mean() + (D_x(fake_x).sigmoid() - 1).square().mean()
