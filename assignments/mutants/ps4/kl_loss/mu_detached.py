"""mu is detached.

message: mu
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu.detach().square() - logvar.exp()).sum(dim=1).mean()
