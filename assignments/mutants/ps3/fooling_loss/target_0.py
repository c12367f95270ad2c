"""D's target for fakes.

message: want D to say
"""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    return (D_y(fake_y)).square().mean() + (D_x(fake_x)).square().mean()
