"""The variance is missing.

message: variance is missing
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu.square()).sum(dim=1).mean()
