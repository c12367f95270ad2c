"""Wrong and right solutions of ``kl_loss``, problem set 4."""

RIGHT = """
ok_textbook | As in the text.
def kl_loss(mu, logvar):
    return -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1).mean()

ok_distributions | torch.distributions.
from torch.distributions import Normal, kl_divergence


def kl_loss(mu, logvar):
    codes = Normal(mu, (0.5 * logvar).exp())
    return kl_divergence(codes, Normal(mu * 0, mu * 0 + 1)).sum(1).mean()

ok_mean_times_length | A mean times the length of the code.
def kl_loss(mu, logvar):
    return torch.mean(mu.pow(2) + torch.expm1(logvar) - logvar) * mu.shape[1] / 2

ok_over_count | A sum over the number of images.
def kl_loss(m, v):
    return 0.5 * (m**2 + v.exp() - v - 1).sum() / len(m)
"""

WRONG = """
item | A number. | item()
~ mean() -> mean().item()

logvar_is_std | logvar is taken for sigma. | taken for
~ logvar - mu.square() - logvar.exp() -> logvar.square().log() - mu.square() - logvar.square()

logvar_sign | The sign of logvar. | sign of logvar
~ 1 + logvar -> 1 - logvar

mean_of_all | A mean over everything. | one divergence
~ sum(dim=1).mean() -> mean()

mu_detached | mu is detached. | mu
~ - mu -> - mu.detach()

mu_not_squared | mu is not squared. | not squared
~ mu.square() -> mu

no_half | No factor. | factor
~ 0.5 * (1 + logvar - mu.square() - logvar.exp()) -> (1 + logvar - mu.square() - logvar.exp())

no_mu | mu is missing. | mu is missing
~ logvar - mu.square() -> logvar

no_one | The constant is missing. | constant
~ 1 + logvar -> logvar

no_variance | The variance is missing. | variance is missing
~ mu.square() - logvar.exp() -> mu.square()

per_image | One number for each image. | no single number
~ sum(dim=1).mean() -> sum(dim=1)

quarter | The factor twice. | half
~ -0.5 -> -0.25

reductions_swapped | A sum over the batch, a mean over the code. | two reductions
~ dim=1 -> dim=0

sign | The sign. | sign
~ -0.5 -> 0.5

std | The standard deviation in place of the variance. | standard deviation
~ logvar.exp() -> (logvar / 2).exp()

sum_of_all | A sum over everything. | over the batch
~ sum(dim=1).mean() -> sum()
"""
