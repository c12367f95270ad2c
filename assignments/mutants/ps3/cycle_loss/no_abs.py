"""The absolute value is taken of the mean.

message: before the absolute
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - x).mean().abs()
    backward = (G_xy(G_yx(y)) - y).mean().abs()
    return lambda_forward * forward + lambda_backward * backward
