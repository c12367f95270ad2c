"""The other generator only.

message: is missing
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_x = (G_yx(x) - x).abs().mean()
    return lambda_identity * same_x
