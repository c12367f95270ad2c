"""Wrong and right solutions of ``generator_loss``, problem set 1."""

RIGHT = """
ok_softplus | Softplus, as in the library.
def generator_loss(fake_logits):
    return F.softplus(-fake_logits).mean()

ok_by_hand | max(-a, 0) + log(1 + exp(-|a|)), by hand.
def generator_loss(fake_logits):
    a = fake_logits
    return ((-a).clamp(min=0) + torch.log1p(torch.exp(-a.abs()))).mean()
"""

WRONG = """
detached | The logits are detached. | detach()
~ -fake_logits -> -fake_logits.detach()

labels_flipped | Fakes get the target 0, as for D. | view of fakes
-    return F.softplus(-fake_logits).mean()
+    zeros = torch.zeros_like(fake_logits)
+    return F.binary_cross_entropy_with_logits(fake_logits, zeros)

log_of_sigmoid | The logarithm of a sigmoid, which rounds to 0. | rounded
~ F.softplus(-fake_logits) -> -torch.log(torch.sigmoid(fake_logits))

no_log | The logarithm is forgotten. | logarithm
~ F.softplus(-fake_logits) -> -torch.sigmoid(fake_logits)

saturating | The minimax form. | saturating
~ F.softplus(-fake_logits) -> -F.softplus(fake_logits)

sigmoid_twice | A sigmoid before the loss that applies its own. | twice
-    return F.softplus(-fake_logits).mean()
+    d = torch.sigmoid(fake_logits)
+    return F.binary_cross_entropy_with_logits(d, torch.ones_like(d))

sign | The sign is forgotten. | sign
~ F.softplus(-fake_logits) -> F.logsigmoid(fake_logits)

sum_for_mean | The sum over the batch in place of the mean. | mean is asked
~ mean() -> sum()
"""
