"""x goes through the generator that takes y.

message: wrong domain
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_xy(G_yx(x)) - x).abs().mean()
    backward = (G_yx(G_xy(y)) - y).abs().mean()
    return lambda_forward * forward + lambda_backward * backward
