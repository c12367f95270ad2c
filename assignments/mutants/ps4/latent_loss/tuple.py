"""The pair is compared.

message: which of them
"""


def latent_loss(G, E, x, z):
    E.requires_grad_(False)
    mu = E(G(x, z))
    E.requires_grad_(True)
    return (mu - z).abs().mean()
