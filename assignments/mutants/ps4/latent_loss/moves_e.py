"""E learns, too.

message: G alone
"""


def latent_loss(G, E, x, z):
    mu, _ = E(G(x, z))
    return (mu - z).abs().mean()
