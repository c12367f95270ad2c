"""Wrong and right solutions of ``discriminator_loss_ls``, problem set 1."""

RIGHT = """
ok_squares | The two squares.
def discriminator_loss_ls(real_outputs, fake_outputs):
    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()

ok_expanded | The square multiplied out.
def discriminator_loss_ls(real_outputs, fake_outputs):
    real = (real_outputs**2).mean() - 2 * real_outputs.mean() + 1
    return real + torch.pow(fake_outputs, 2).mean()

ok_mse | mse_loss with targets.
def discriminator_loss_ls(real_outputs, fake_outputs):
    d_real = F.mse_loss(real_outputs, torch.ones_like(real_outputs))
    d_fake = F.mse_loss(fake_outputs, torch.zeros_like(fake_outputs))
    return d_fake + d_real

ok_norm | Squared norms over counts.
def discriminator_loss_ls(r, f):
    return ((1 - r) * (1 - r)).sum() / r.numel() + torch.sum(f * f) / f.numel()
"""

WRONG = """
clamped | Outputs are cut to 0 to 1 first. | term by term
-    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()
+    real, fake = real_outputs.clamp(0, 1), fake_outputs.clamp(0, 1)
+    return (real - 1).square().mean() + fake.square().mean()

clamped_far | Outputs are clamped to -100 and 100. | far from 0
~ (real_outputs - 1) -> (real_outputs.clamp(-100, 100) - 1)
~ fake_outputs.square() -> fake_outputs.clamp(-100, 100).square()

detached | The outputs for fakes are detached. | gradient
~ fake_outputs.square() -> fake_outputs.detach().square()

halved | Halved, as in some papers. | half
-    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()
+    return 0.5 * ((real_outputs - 1).square().mean() + fake_outputs.square().mean())

l1 | Absolute errors in place of squared ones. | absolute
~ (real_outputs - 1).square().mean() + fake_outputs.square() -> (real_outputs - 1).abs().mean() + fake_outputs.abs()

labels_flipped | Real images get the target 0, fakes 1. | flipped
-    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()
+    return real_outputs.square().mean() + (fake_outputs - 1).square().mean()

log_loss | The log loss again. | log loss
-    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()
+    return F.softplus(-real_outputs).mean() + F.softplus(fake_outputs).mean()

minus_one | Fakes get the target -1. | another target
~ fake_outputs.square() -> (fake_outputs + 1).square()

only_real | The term of the fakes is forgotten. | missing
-    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()
+    return F.mse_loss(real_outputs, torch.ones_like(real_outputs))

sigmoid | A sigmoid before the squares. | sigmoid
-    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()
+    real, fake = torch.sigmoid(real_outputs), torch.sigmoid(fake_outputs)
+    return F.mse_loss(real, torch.ones_like(real)) + F.mse_loss(fake, torch.zeros_like(fake))

sign | Minus the loss. | sign
~ (real_outputs - 1) -> -(real_outputs - 1)
~ + fake_outputs -> - fake_outputs

square_of_mean | The mean before the square. | term by term
-    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()
+    return (real_outputs - 1).mean() ** 2 + fake_outputs.mean() ** 2

sum_for_mean | The sum in place of the mean. | mean is asked
-    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()
+    return ((real_outputs - 1) ** 2).sum() + (fake_outputs**2).sum()
"""
