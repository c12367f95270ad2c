"""One number for each image.

message: no single number
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1)
