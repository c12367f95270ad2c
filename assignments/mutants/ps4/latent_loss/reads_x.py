"""E reads x.

message: input x
"""


def latent_loss(G, E, x, z):
    E.requires_grad_(False)
    mu, _ = E(x + 0 * G(x, z))
    E.requires_grad_(True)
    return (mu - z).abs().mean()
