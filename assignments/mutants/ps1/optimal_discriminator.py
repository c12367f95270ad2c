"""Wrong and right solutions of ``optimal_discriminator``, problem set 1."""

RIGHT = """
ok_where | A quotient, and a half where nothing is.
def optimal_discriminator(p_data, p_g):
    total = p_data + p_g
    return torch.where(total > 0, p_data / total, 0.5)

ok_log | The sigmoid of the difference of logarithms.
def optimal_discriminator(p_data, p_g):
    d = torch.sigmoid(torch.log(p_data) - torch.log(p_g))
    return torch.where((p_data == 0) & (p_g == 0), torch.full_like(d, 0.5), d)
"""

WRONG = """
epsilon | A constant in the denominator. | constant
-    total = p_data + p_g
-    return torch.where(total > 0, p_data / total, 0.5)
+    return torch.where(p_data + p_g > 0, p_data / (p_data + p_g + 1e-8), 0.5)

hard | Only which density is larger. | larger
-    total = p_data + p_g
-    return torch.where(total > 0, p_data / total, 0.5)
+    return torch.where(p_data > p_g, 1.0, 0.0).double()

judged_once | All points are judged by whether one has a density. | 0 divided by 0
~ torch.where(total > 0, p_data / total, 0.5) -> p_data / total if total.sum() > 0 else total + 0.5

logit | The logit of the best D. | logit
-    total = p_data + p_g
-    return torch.where(total > 0, p_data / total, 0.5)
+    return torch.log(p_data) - torch.log(p_g)

nan | 0 divided by 0 where nothing is. | 0 divided by 0
-    total = p_data + p_g
-    return torch.where(total > 0, p_data / total, 0.5)
+    return p_data / (p_data + p_g)

normalised | Divided by the sum over the grid. | grid
-    total = p_data + p_g
-    return torch.where(total > 0, p_data / total, 0.5)
+    return p_data / (p_data + p_g).sum()

ratio | The ratio of the densities. | ratio
-    total = p_data + p_g
-    return torch.where(total > 0, p_data / total, 0.5)
+    return torch.where(p_g > 0, p_data / p_g, 0.5)

swapped | The probability of fake. | probability of fake
~ p_data / total -> p_g / total
"""
