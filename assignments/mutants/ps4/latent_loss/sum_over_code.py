"""A sum over the code.

message: length of the code
"""


def latent_loss(G, E, x, z):
    E.requires_grad_(False)
    mu, _ = E(G(x, z))
    E.requires_grad_(True)
    return (mu - z).abs().sum(1).mean()
