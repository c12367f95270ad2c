"""Wrong and right solutions of ``discriminator_loss_ls``, problem set 1."""

RIGHT = """
ok_squares | The two squares.
def discriminator_loss_ls(real_outputs, fake_outputs):
    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()

ok_mse | mse_loss with targets.
def discriminator_loss_ls(real_outputs, fake_outputs):
    d_real = F.mse_loss(real_outputs, torch.ones_like(real_outputs))
    d_fake = F.mse_loss(fake_outputs, torch.zeros_like(fake_outputs))
    return d_fake + d_real
"""

WRONG = """
detached | The outputs for fakes are detached. | gradient
~ fake_outputs.square() -> fake_outputs.detach().square()

l1 | Absolute errors in place of squared ones. | absolute
~ (real_outputs - 1).square() -> (real_outputs - 1).abs()
~ fake_outputs.square() -> fake_outputs.abs()

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

sum_for_mean | The sum in place of the mean. | mean is asked
-    return (real_outputs - 1).square().mean() + fake_outputs.square().mean()
+    return ((real_outputs - 1) ** 2).sum() + (fake_outputs**2).sum()
"""
