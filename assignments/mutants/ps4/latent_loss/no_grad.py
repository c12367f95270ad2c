"""Under no_grad.

message: gradient reaches G
"""

import torch


def latent_loss(G, E, x, z):
    with torch.no_grad():
        mu, _ = E(G(x, z))
    return (mu - z).abs().mean()
