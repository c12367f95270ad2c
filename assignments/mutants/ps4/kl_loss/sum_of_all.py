"""A sum over everything.

message: over the batch
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum()
