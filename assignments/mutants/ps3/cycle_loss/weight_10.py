"""The paper's weight is written in.

message: fixed
"""


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    forward = (G_yx(G_xy(x)) - x).abs().mean()
    backward = (G_xy(G_yx(y)) - y).abs().mean()
    return 10 * (forward + backward)
