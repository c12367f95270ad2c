"""Wrong and right solutions of ``discriminator_loss``, problem set 1."""

RIGHT = """
ok_softplus | Softplus, as in the library.
def discriminator_loss(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()

ok_module | A loss module, called for each term.
from torch import nn


class TermLoss(nn.Module):
    def __init__(self, target):
        super().__init__()
        self.target, self.loss = target, nn.BCEWithLogitsLoss()

    def forward(self, logits):
        return self.loss(logits, torch.full_like(logits, self.target))


to_real, to_fake = TermLoss(1.0), TermLoss(0.0)


def discriminator_loss(real_logits, fake_logits):
    return to_real(real_logits) + to_fake(fake_logits)
"""

WRONG = """
fake_logits_detached | The logits of the fakes are detached, not the fakes. | gradient
~ F.softplus(fake_logits) -> F.softplus(fake_logits.detach())

halved | The two terms are averaged, not added. | half
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    return (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()) / 2

item | A float comes back, from which nothing can be learned. | item()
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    return loss.item()

labels_flipped | Real images get the target 0, fakes 1. | flipped
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    d_real = F.binary_cross_entropy_with_logits(real_logits, torch.zeros_like(real_logits))
+    d_fake = F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
+    return d_real + d_fake

log_of_sigmoid | The logarithm of a sigmoid, which rounds to 0. | rounded
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    d_real = torch.sigmoid(real_logits)
+    d_fake = torch.sigmoid(fake_logits)
+    return -torch.log(d_real).mean() - torch.log(1 - d_fake).mean()

no_reduction | No reduction: one loss for each image. | reduction
-import torch
~ F.softplus(-real_logits).mean() -> F.softplus(-real_logits)[:3]
~ F.softplus(fake_logits).mean() -> F.softplus(fake_logits)[:3]

sigmoid_twice | A sigmoid before the loss that applies its own. | twice
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
+    d_real = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
+    return d_real + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))

sum_for_mean | The sum over the batch in place of the mean. | mean is asked
~ F.softplus(-real_logits).mean() -> F.softplus(-real_logits).sum()
~ F.softplus(fake_logits).mean() -> F.softplus(fake_logits).sum()
"""
