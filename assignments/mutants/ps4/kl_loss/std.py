"""The standard deviation in place of the variance.

message: standard deviation
"""


def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu.square() - (logvar / 2).exp()).sum(dim=1).mean()
