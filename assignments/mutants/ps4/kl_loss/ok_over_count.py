"""A sum over the number of images."""


def kl_loss(m, v):
    return 0.5 * (m**2 + v.exp() - v - 1).sum() / len(m)
