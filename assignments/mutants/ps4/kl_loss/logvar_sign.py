"""The sign of logvar.

message: sign of logvar
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 - logvar - mu.square() - logvar.exp()).sum(dim=1).mean()
