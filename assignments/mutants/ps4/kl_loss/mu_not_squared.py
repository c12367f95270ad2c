"""mu is not squared.

message: not squared
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu - logvar.exp()).sum(dim=1).mean()
