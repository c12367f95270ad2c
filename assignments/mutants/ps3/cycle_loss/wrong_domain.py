"""The cycle from x is compared with y.

message: compared with another
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - y).abs().mean()
    backward = (G_xy(G_yx(y)) - x).abs().mean()
    return lambda_forward * forward + lambda_backward * backward
