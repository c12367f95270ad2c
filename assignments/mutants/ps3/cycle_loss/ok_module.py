"""A module and a loop."""

from torch import nn


def cycle_loss(G_xy, G_yx, x, y, lambda_forward, lambda_backward):
    distance, total = nn.L1Loss(), 0
    for first, second, image, weight in ((G_xy, G_yx, x, lambda_forward), (G_yx, G_xy, y, lambda_backward)):
        total = total + weight * distance(image, second(first(image)))
    return total
