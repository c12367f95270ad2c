"""A mean over everything.

message: one divergence
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).mean()
