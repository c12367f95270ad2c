"""Squares in place of absolute values.

message: squared
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y) - y).square().mean()
    same_x = (G_yx(x) - x).square().mean()
    return lambda_identity * (same_y + same_x)
