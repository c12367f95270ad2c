"""That is the cycle loss.

message: cycle
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(G_yx(y)) - y).abs().mean()
    same_x = (G_yx(G_xy(x)) - x).abs().mean()
    return lambda_identity * (same_y + same_x)
