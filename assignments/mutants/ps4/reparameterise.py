"""Wrong and right solutions of ``reparameterise``, problem set 4."""

RIGHT = """
ok_textbook | As in the text.
def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + (logvar / 2).exp() * noise

ok_addcmul | addcmul, noise drawn in float32.
def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(*mu.shape, generator=generator).to(mu)
    return torch.addcmul(mu, torch.exp(0.5 * logvar), noise)

ok_normal | torch.normal of zeros and ones.
def reparameterise(mu, logvar, generator=None):
    zeros = torch.zeros_like(mu)
    return mu + torch.normal(zeros, zeros + 1, generator=generator) * 2.718281828459045 ** (logvar / 2)

ok_root | The root of the variance, normal_ in place.
def reparameterise(mean, log_variance, generator=None):
    eps = torch.empty_like(mean).normal_(generator=generator)
    return eps * log_variance.exp().sqrt() + mean
"""

WRONG = """
generator_ignored | The global generator is used. | generator
~ generator=generator, dtype -> dtype

logvar_itself | logvar as it is. | no noise
~ (logvar / 2).exp() -> logvar

mu_detached | mu is detached. | gradient
~ return mu -> return mu.detach()

no_exp | Half of logvar, without exp. | no noise
~ (logvar / 2).exp() -> logvar / 2

no_noise | mu comes back. | no noise
-    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
-    return mu + (logvar / 2).exp() * noise
+    return mu + 0 * logvar

no_scale | The noise is not scaled. | not scaled
~ (logvar / 2).exp() * noise -> noise

normal | torch.normal, which has no gradient. | gradient
-    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
-    return mu + (logvar / 2).exp() * noise
+    return torch.normal(mu.detach(), (logvar / 2).exp().detach(), generator=generator)

one_for_all | One code's noise for the whole batch. | which shape
~ mu.shape -> mu.shape[1:]

one_per_image | One number for each image. | which shape
~ mu.shape -> mu.shape[0], 1

own_seed | A seed of its own. | seed
 def reparameterise(mu, logvar, generator=None):
+    generator = torch.Generator().manual_seed(0)

sign | The sign of logvar. | sign of logvar
~ logvar / 2 -> -logvar / 2

std_detached | The scale is detached. | logvar
~ exp() -> exp().detach()

twice | exp of twice logvar. | too much
~ logvar / 2 -> 2 * logvar

uniform | Uniform noise. | normal distribution
~ torch.randn -> torch.rand

variance | The variance in place of the standard deviation. | with the variance
~ (logvar / 2) -> logvar
"""
