"""The weight is written in.

message: fixed
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y) - y).abs().mean()
    same_x = (G_yx(x) - x).abs().mean()
    return 5 * (same_y + same_x)
