"""Each generator gets the images that it shall change.

message: its own
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(x) - x).abs().mean()
    same_x = (G_yx(y) - y).abs().mean()
    return lambda_identity * (same_y + same_x)
