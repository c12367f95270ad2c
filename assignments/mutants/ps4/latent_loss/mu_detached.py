"""mu is detached.

message: gradient reaches G
"""


def latent_loss(G, E, x, z):
    E.requires_grad_(False)
    mu, _ = E(G(x, z))
    E.requires_grad_(True)
    return (mu.detach() - z).abs().mean()
