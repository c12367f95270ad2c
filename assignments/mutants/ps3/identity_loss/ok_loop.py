"""A sum over both domains."""


def identity_loss(G_xy, G_yx, x, y, lambda_identity):
    return sum(lambda_identity * abs(G(image) - image).mean() for G, image in ((G_xy, y), (G_yx, x)))
