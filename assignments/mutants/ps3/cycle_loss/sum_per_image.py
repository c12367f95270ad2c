"""The norm of each image is a sum.

message: sum where a mean
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - x).abs().sum((1, 2, 3)).mean()
    backward = (G_xy(G_yx(y)) - y).abs().sum((1, 2, 3)).mean()
    return lambda_forward * forward + lambda_backward * backward
