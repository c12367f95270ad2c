"""The forward cycle is left out.

message: forward cycle
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    backward = (G_xy(G_yx(y)) - y).abs().mean()
    return lambda_backward * backward
