"""Wrong and right solutions of ``reparameterise``, problem set 4."""

RIGHT = """
ok_textbook | As in the text.
def reparameterise(mu, logvar, generator=None):
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + (logvar / 2).exp() * noise

ok_normal | torch.normal of zeros and ones.
def reparameterise(mu, logvar, generator=None):
    zeros = torch.zeros_like(mu)
    noise = torch.normal(zeros, zeros + 1, generator=generator)
    return mu + noise * 2.718281828459045 ** (logvar / 2)
"""

WRONG = """
logvar_itself | logvar as it is. | no noise
~ (logvar / 2).exp() -> logvar

no_noise | mu comes back. | no noise
-    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
-    return mu + (logvar / 2).exp() * noise
+    return mu + 0 * logvar

normal | torch.normal, which has no gradient. | gradient
-    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
-    return mu + (logvar / 2).exp() * noise
+    return torch.normal(mu.detach(), (logvar / 2).exp().detach(), generator=generator)

one_per_image | One number for each image. | which shape
~ mu.shape -> mu.shape[0], 1

own_seed | A seed of its own. | seed
 def reparameterise(mu, logvar, generator=None):
+    generator = torch.Generator().manual_seed(0)

seed_only | The generator's seed is used, not the generator. | drawing twice
 def reparameterise(mu, logvar, generator=None):
+    if generator is not None:
+        generator = torch.Generator().manual_seed(generator.initial_seed())

sign | The sign of logvar. | sign of logvar
~ logvar / 2 -> -logvar / 2

variance | The variance in place of the standard deviation. | with the variance
~ (logvar / 2) -> logvar
"""
