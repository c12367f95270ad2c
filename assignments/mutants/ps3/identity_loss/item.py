"""Numbers in place of tensors.

message: item()
"""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    same_y = (G_xy(y) - y).abs().mean().item()
    same_x = (G_yx(x) - x).abs().mean().item()
    return lambda_identity * (same_y + same_x)
