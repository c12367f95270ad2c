"""The output is compared with the other input.

message: wrong domain
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y) - x).abs().mean()
    same_x = (G_yx(x) - y).abs().mean()
    return lambda_identity * (same_y + same_x)
