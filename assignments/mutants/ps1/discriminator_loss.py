"""Wrong and right solutions of ``discriminator_loss``, problem set 1."""

RIGHT = """
ok_softplus | Softplus, as in the library.
def discriminator_loss(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()

ok_bce | The loss of logits with labels of ones and zeros.
def discriminator_loss(real_logits, fake_logits):
    d_real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    d_fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return d_real + d_fake

ok_logsigmoid | The logarithm of the sigmoid, in one function; other names.
def discriminator_loss(r, f):
    return -(F.logsigmoid(r).mean() + F.logsigmoid(-f).mean())

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

ok_sum_over_count | Sums divided by the number of elements.
def discriminator_loss(real_logits, fake_logits):
    d_real = torch.logaddexp(torch.zeros_like(real_logits), -real_logits).sum() / real_logits.numel()
    d_fake = torch.logaddexp(torch.zeros_like(fake_logits), fake_logits).sum() / fake_logits.numel()
    return d_fake + d_real
"""

WRONG = """
arguments_swapped | The two arguments change places. | flipped
~ -real_logits -> -fake_logits
~ F.softplus(fake_logits) -> F.softplus(real_logits)

clamped_bce | A sigmoid and the loss of probabilities, which clamps its logarithm. | rounded
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
+    d_real = F.binary_cross_entropy(real, torch.ones_like(real))
+    return d_real + F.binary_cross_entropy(fake, torch.zeros_like(fake))

epsilon | A small number inside the logarithm against infinity. | rounded
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
+    return -(real + 1e-8).log().mean() - (1 - fake + 1e-8).log().mean()

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

nothing_returned | The return is forgotten. | return
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    loss.backward()

one_mean | Both batches go into one mean. | half
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    logits = torch.cat([real_logits.flatten(), fake_logits.flatten()])
+    labels = torch.cat([torch.ones_like(real_logits).flatten(), torch.zeros_like(fake_logits).flatten()])
+    return F.binary_cross_entropy_with_logits(logits, labels)

only_real | The term of the fakes is forgotten. | missing
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    return F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))

sigmoid_twice | A sigmoid before the loss that applies its own. | twice
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
+    d_real = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
+    return d_real + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))

sign | The objective itself, which D would maximise. | sign
~ return F.softplus(-real_logits) -> return F.logsigmoid(real_logits)
~ + F.softplus(fake_logits) -> + F.logsigmoid(-fake_logits)

single_precision | Everything is cast to float32. | another precision
~ F.softplus(-real_logits).mean() -> F.softplus(-real_logits.float()).mean()
~ F.softplus(fake_logits).mean() -> F.softplus(fake_logits.float()).mean()

smoothed | Labels of 0.9, which the task does not ask for. | term by term
-    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
+    d_real = F.binary_cross_entropy_with_logits(real_logits, torch.full_like(real_logits, 0.9))
+    return d_real + F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))

sum_for_mean | The sum over the batch in place of the mean. | mean is asked
~ F.softplus(-real_logits).mean() -> F.softplus(-real_logits).sum()
~ F.softplus(fake_logits).mean() -> F.softplus(fake_logits).sum()
"""
