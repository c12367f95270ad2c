"""Squares in place of absolute values.

message: squared
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - x).square().mean()
    backward = (G_xy(G_yx(y)) - y).square().mean()
    return lambda_forward * forward + lambda_backward * backward
