"""A sum over the batch, a mean over the code.

message: two reductions
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=0).mean()
