"""Wrong and right solutions of ``pix2pix_generator_loss``, problem set 2."""

RIGHT = """
ok_softplus | Softplus and a difference.
def pix2pix_generator_loss(fake_logits, fake_y, y, lambda_l1):
    return F.softplus(-fake_logits).mean() + lambda_l1 * (y - fake_y).abs().mean()

ok_modules | Loss modules, other names.
from torch import nn

bce, distance = nn.BCEWithLogitsLoss(), nn.L1Loss()


def pix2pix_generator_loss(logits, fake, target, weight):
    labels = torch.full_like(logits, 1.0)
    return weight * distance(fake, target) + bce(logits, labels)
"""

WRONG = """
fake_detached | The fake image is detached. | gradient comes back
~ (y - fake_y).abs().mean() -> F.l1_loss(fake_y.detach(), y)

l1_sum | The L1 term is a sum. | mean is asked
~ (y - fake_y).abs().mean() -> (fake_y - y).abs().sum()

l2 | The squared distance. | squared
~ (y - fake_y).abs().mean() -> F.mse_loss(fake_y, y)

labels_flipped | G's target is 0. | G want
-    return F.softplus(-fake_logits).mean() + lambda_l1 * (y - fake_y).abs().mean()
+    gan = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
+    return gan + lambda_l1 * F.l1_loss(fake_y, y)

lambda_dropped | No weight. | no weight
-    return F.softplus(-fake_logits).mean() + lambda_l1 * (y - fake_y).abs().mean()
+    gan = F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
+    return gan + F.l1_loss(fake_y, y)

lambda_on_both | The weight is at both terms. | which term
-    return F.softplus(-fake_logits).mean() + lambda_l1 * (y - fake_y).abs().mean()
+    return lambda_l1 * (F.softplus(-fake_logits).mean() + F.l1_loss(fake_y, y))

no_abs | The absolute value after the mean. | errors cancel
~ (y - fake_y).abs().mean() -> (fake_y - y).mean().abs()

no_gan | The GAN term is forgotten. | GAN term is missing
-    return F.softplus(-fake_logits).mean() + lambda_l1 * (y - fake_y).abs().mean()
+    return lambda_l1 * F.l1_loss(fake_y, y)
"""
