"""No factor.

message: factor
"""


def kl_loss(mu, logvar):
    return -(1 + logvar - mu.square() - logvar.exp()).sum(dim=1).mean()
