"""The factor twice.

message: half
"""


def kl_loss(mu, logvar):
    return -0.25 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1).mean()
