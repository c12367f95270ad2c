"""mu is missing.

message: mu is missing
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - logvar.exp()).sum(dim=1).mean()
