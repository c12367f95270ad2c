"""Wrong and right solutions of ``diversity_score``, problem set 4."""

RIGHT = """
ok_textbook | As in the text.
def diversity_score(samples):
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.sum() / (n * k * (k - 1))

ok_combinations | A loop over pairs.
from itertools import combinations


def diversity_score(samples):
    scores = []
    for images in samples:
        scores.append(torch.stack([F.l1_loss(a, b) for a, b in combinations(images, 2)]).mean())
    return torch.stack(scores).mean()
"""

WRONG = """
all_inputs | Samples of all inputs together. | different inputs
 def diversity_score(samples):
+    samples = samples.flatten(0, 1)[None]

l2 | Squares. | squared
~ abs() -> square()

neighbours | Neighbours only. | neighbours
-    n, k = samples.shape[:2]
-    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
-    return apart.sum() / (n * k * (k - 1))
+    return samples.diff(dim=1).abs().mean()

no_abs | The mean comes first. | cancel
~ abs().mean((3, 4, 5)) -> mean((3, 4, 5)).abs()

to_the_mean | The distance to the mean image. | mean image
-    n, k = samples.shape[:2]
-    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
-    return apart.sum() / (n * k * (k - 1))
+    return (samples - samples.mean(1, keepdim=True)).abs().mean()

with_itself | Pairs of an image with itself count. | with itself
~ (n * k * (k - 1)) -> (n * k * k)

wrong_dimension | Inputs are compared. | which dimension
 def diversity_score(samples):
+    samples = samples.transpose(0, 1)

zeros_left_out | Distances of 0 do not count. | which pairs
~ (n * k * (k - 1)) -> apart.count_nonzero()
"""
