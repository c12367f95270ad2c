"""Wrong and right solutions of ``generator_slopes``, problem set 1."""

RIGHT = """
ok_formula | The two formulas of the derivation.
def generator_slopes(fake_logits):
    d = torch.sigmoid(fake_logits)
    return -d, -(1 - d)

ok_autograd | Differentiates the stable losses, summed.
def generator_slopes(fake_logits):
    a = fake_logits.detach().clone().requires_grad_()
    (saturating,) = torch.autograd.grad(-F.softplus(a).sum(), a)
    (other,) = torch.autograd.grad(F.softplus(-a).sum(), a)
    return saturating, other
"""

WRONG = """
batch_mean | The gradient of the mean over the batch. | batch
-    d = torch.sigmoid(fake_logits)
-    return -d, -(1 - d)
+    a = fake_logits.detach().requires_grad_()
+    slopes = []
+    for loss in (-F.softplus(a).mean(), F.softplus(-a).mean()):
+        slopes.append(torch.autograd.grad(loss, a)[0])
+    return tuple(slopes)

in_d | The slopes in D, not in the logit. | not in the logit
~ d, -(1 - d) -> 1 / (1 - d), -1 / d

naive_autograd | Differentiates the logarithm of a rounded probability. | nan
-    d = torch.sigmoid(fake_logits)
-    return -d, -(1 - d)
+    a = fake_logits.detach().requires_grad_()
+    d = torch.sigmoid(a)
+    saturating = torch.autograd.grad(torch.log(1 - d).sum(), a, retain_graph=True)[0]
+    return saturating, torch.autograd.grad(-torch.log(d).sum(), a)[0]

one_number | Averaged to one number. | whole batch
~ -d, -(1 - d) -> (-d).mean(), (d - 1).mean()

sigmoid_slope_twice | The slope of the sigmoid is counted twice. | once too often
~ d, -(1 - d) -> d * d * (1 - d), -(1 - d) * d * (1 - d)

sign | Both slopes are turned around. | sign
~ -d, -(1 - d) -> d, 1 - d

swapped | The two slopes change places. | swapped
~ -d, -(1 - d) -> d - 1, -d

values | The losses themselves, not their slopes. | differentiate
-    d = torch.sigmoid(fake_logits)
-    return -d, -(1 - d)
+    return -F.softplus(fake_logits), F.softplus(-fake_logits)
"""
