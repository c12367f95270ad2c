"""The fake is detached, as for D.

message: detached
"""


def latent_loss(G, E, x, z):
    mu, _ = E(G(x, z).detach())
    return (mu - z).abs().mean()
