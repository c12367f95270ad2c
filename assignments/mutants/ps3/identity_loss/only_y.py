"""One generator only.

message: is missing
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y) - y).abs().mean()
    return lambda_identity * same_y
