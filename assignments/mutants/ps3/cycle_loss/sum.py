"""Sums in place of means.

message: sum where a mean
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - x).abs().sum()
    backward = (G_xy(G_yx(y)) - y).abs().sum()
    return lambda_forward * forward + lambda_backward * backward
