"""The constant is missing.

message: constant
"""


def kl_loss(mu, logvar):
    return -0.5 * (logvar - mu.square() - logvar.exp()).sum(dim=1).mean()
