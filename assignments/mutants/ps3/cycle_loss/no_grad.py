"""The cycles run under no_grad.

message: no_grad
"""

import torch


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    with torch.no_grad():
        rec_x, rec_y = G_yx(G_xy(x)), G_xy(G_yx(y))
    return lambda_forward * (rec_x - x).abs().mean() + lambda_backward * (rec_y - y).abs().mean()
