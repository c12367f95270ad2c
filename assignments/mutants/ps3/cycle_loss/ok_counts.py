"""Sums over the number of elements."""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    fake_y, fake_x = G_xy(x), G_yx(y)
    forward = abs(x - G_yx(fake_y)).sum() / x.numel()
    backward = abs(y - G_xy(fake_x)).flatten(1).mean(1).mean()
    return lambda_forward * forward + lambda_backward * backward
