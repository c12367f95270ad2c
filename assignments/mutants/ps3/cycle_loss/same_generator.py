"""The same generator brings an image back.

message: One generator
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_xy(G_xy(x)) - x).abs().mean()
    backward = (G_yx(G_yx(y)) - y).abs().mean()
    return lambda_forward * forward + lambda_backward * backward
