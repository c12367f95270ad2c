"""The weights are left out.

message: weights are missing
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - x).abs().mean()
    backward = (G_xy(G_yx(y)) - y).abs().mean()
    return forward + backward
