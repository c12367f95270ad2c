"""logvar is taken for sigma.

message: taken for
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar.square().log() - mu.square() - logvar.square()).sum(dim=1).mean()
