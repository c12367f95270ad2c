"""The mean of both terms.

message: half
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y) - y).abs().mean()
    same_x = (G_yx(x) - x).abs().mean()
    return lambda_identity * (same_y + same_x) / 2
