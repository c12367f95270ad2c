"""torch.distributions."""

from torch.distributions import Normal, kl_divergence


def kl_loss(mu, logvar):
    codes = Normal(mu, (0.5 * logvar).exp())
    return kl_divergence(codes, Normal(mu * 0, mu * 0 + 1)).sum(1).mean()
