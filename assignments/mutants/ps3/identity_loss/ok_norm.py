"""The L1 norm over the number of elements."""

import torch


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    terms = [torch.linalg.vector_norm(G(image) - image, ord=1) / image.numel() for G, image in ((G_yx, x), (G_xy, y))]
    return torch.stack(terms).sum() * lambda_identity
