"""logvar is compared.

message: logvar
"""


def latent_loss(G, E, x, z):
    E.requires_grad_(False)
    _, mu = E(G(x, z))
    E.requires_grad_(True)
    return (mu - z).abs().mean()
