"""The square multiplied out."""


def fooling_loss(D_x, D_y, fake_x, fake_y):
    outputs = D_x(fake_x), D_y(fake_y)
    return sum((out**2).mean() - 2 * out.mean() + 1 for out in outputs)
