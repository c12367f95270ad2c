"""The other generator only.

message: is missing
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_x(fake_x) - 1).square().mean()
