"""E is thawed before it reads.

message: G alone
"""


def latent_loss(G, E, x, z):
    E.requires_grad_(False)
    E.requires_grad_(True)
    mu, _ = E(G(x, z))
    E.requires_grad_(True)
    return (mu - z).abs().mean()
