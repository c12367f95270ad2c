"""The absolute value is taken of the mean.

message: before the absolute
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y) - y).mean().abs()
    same_x = (G_yx(x) - x).mean().abs()
    return lambda_identity * (same_y + same_x)
