"""G is frozen in place of E.

message: G is frozen
"""


def latent_loss(G, E, x, z):
    G.requires_grad_(False)
    mu, _ = E(G(x, z.requires_grad_()))
    return (mu - z).abs().mean()
