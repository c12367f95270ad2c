"""The fakes are detached, as they are for D.

message: detach
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_y.detach()) - 1).square().mean() + (D_x(fake_x.detach()) - 1).square().mean()
