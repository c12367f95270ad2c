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
"""

WRONG = """
bounded | logvar is bounded, as in some programs. | compare the formula
 def kl_loss(mu, logvar):
+    logvar = logvar.clamp(-10, 10)

logvar_sign | The sign of logvar. | sign of logvar
~ 1 + logvar -> 1 - logvar

mean_of_all | A mean over everything. | one divergence
~ sum(dim=1).mean() -> mean()

mu_detached | mu is detached. | mu
~ - mu -> - mu.detach()

no_one | The constant is missing. | constant
~ 1 + logvar -> logvar

reductions_swapped | A sum over the batch, a mean over the code. | two reductions
~ dim=1 -> dim=0

std | The standard deviation in place of the variance. | standard deviation
~ logvar.exp() -> (logvar / 2).exp()

sum_of_all | A sum over everything. | over the batch
~ sum(dim=1).mean() -> sum()
"""
