"""A translation is compared with the other pile.

message: no pairs
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(x) - y).abs().mean()
    same_x = (G_yx(y) - x).abs().mean()
    return lambda_identity * (same_y + same_x)
