"""The outputs are detached.

message: detach
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y).detach() - y).abs().mean()
    same_x = (G_yx(x) - x).abs().mean()
    return lambda_identity * (same_y + same_x)
