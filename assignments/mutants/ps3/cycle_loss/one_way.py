"""A translation is compared with its input.

message: there and back
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_xy(x) - x).abs().mean()
    backward = (G_yx(y) - y).abs().mean()
    return lambda_forward * forward + lambda_backward * backward
