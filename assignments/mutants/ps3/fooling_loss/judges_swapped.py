"""Each fake goes to the other discriminator.

message: change places
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_x) - 1).square().mean() + (D_x(fake_y) - 1).square().mean()
