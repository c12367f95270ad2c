"""Wrong and right solutions of ``generator_loss_saturating``, problem set 1."""

RIGHT = """
ok_softplus | Softplus, as in the library.
def generator_loss_saturating(fake_logits):
    return -F.softplus(fake_logits).mean()

ok_difference | log(1 - sigmoid(a)) = log sigmoid(a) - a.
def generator_loss_saturating(fake_logits):
    return (F.logsigmoid(fake_logits) - fake_logits).sum() / fake_logits.numel()
"""

WRONG = """
log_d | The logarithm of D in place of that of 1 - D. | 1 - D
~ -F.softplus -> F.logsigmoid

log_of_difference | The logarithm of 1 - sigmoid, which rounds to 0. | rounded
~ -F.softplus(fake_logits) -> torch.log(1 - torch.sigmoid(fake_logits))

no_gradient | Computed without gradients. | no_grad
-    return -F.softplus(fake_logits).mean()
+    with torch.no_grad():
+        return -F.softplus(fake_logits).mean()

no_log | The logarithm is forgotten. | logarithm
~ -F.softplus(fake_logits) -> (1 - torch.sigmoid(fake_logits))

non_saturating | The other form. | non-saturating
~ -F.softplus(fake_logits) -> F.softplus(-fake_logits)

sigmoid_twice | A sigmoid before the stable function that applies its own. | twice
-    return -F.softplus(fake_logits).mean()
+    d = torch.sigmoid(fake_logits)
+    return F.logsigmoid(-d).mean()

sign | What D minimises, not what G minimises. | sign
~ -F -> F

sum_for_mean | The sum over the batch in place of the mean. | mean is asked
~ mean() -> sum()
"""
