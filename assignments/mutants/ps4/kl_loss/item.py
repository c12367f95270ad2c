"""A number.

message: item()
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1).mean().item()
