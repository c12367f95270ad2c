"""mu comes back.

message: no noise
"""


def reparameterise(mu, logvar, generator=None):
    return mu + 0 * logvar
