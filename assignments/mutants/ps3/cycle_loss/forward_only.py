"""The backward cycle is left out.

message: backward cycle
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - x).abs().mean()
    return lambda_forward * forward
