"""E stays frozen.

message: frozen
"""


def latent_loss(G, E, x, z):
    E.requires_grad_(False)
    mu, _ = E(G(x, z))
    return (mu - z).abs().mean()
