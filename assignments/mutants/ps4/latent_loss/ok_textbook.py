"""As in the text."""


def latent_loss(G, E, x, z):
    E.requires_grad_(False)
    mu, _ = E(G(x, z))
    E.requires_grad_(True)
    return (mu - z).abs().mean()
