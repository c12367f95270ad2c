"""Wrong and right solutions of ``diversity_score``, problem set 4."""

RIGHT = """
ok_textbook | As in the text.
def diversity_score(samples):
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.sum() / (n * k * (k - 1))

ok_cdist | cdist of flat images.
def diversity_score(samples):
    flat = samples.flatten(2)
    apart = torch.cdist(flat, flat, p=1) / flat.shape[2]
    k = flat.shape[1]
    return apart.sum((1, 2)).mean() / (k * k - k)

ok_combinations | A loop over pairs.
from itertools import combinations


def diversity_score(samples):
    scores = []
    for images in samples:
        scores.append(torch.stack([F.l1_loss(a, b) for a, b in combinations(images, 2)]).mean())
    return torch.stack(scores).mean()

ok_indices | Index pairs, a float comes back.
def diversity_score(samples):
    i, j = torch.triu_indices(samples.shape[1], samples.shape[1], offset=1)
    return float(abs(samples[:, i] - samples[:, j]).mean())
"""

WRONG = """
all_inputs | Samples of all inputs together. | different inputs
 def diversity_score(samples):
+    samples = samples.flatten(0, 1)[None]

double | Both orders, over each pair once. | twice
~ (k - 1) -> (k - 1) / 2

half | Each pair once, over all ordered pairs. | half
~ apart.sum() -> apart.triu().sum()

inputs_summed | A sum over the inputs. | inputs are added
~ n, k = samples.shape[:2] -> k = samples.shape[1]
~ n * k -> k

l2 | Squares. | squared
~ abs() -> square()

neighbours | Neighbours only. | neighbours
-    n, k = samples.shape[:2]
-    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
-    return apart.sum() / (n * k * (k - 1))
+    return samples.diff(dim=1).abs().mean()

no_abs | The mean comes first. | cancel
~ abs().mean((3, 4, 5)) -> mean((3, 4, 5)).abs()

per_input | One number for each input. | no single number
~ n, k = samples.shape[:2] -> k = samples.shape[1]
~ apart.sum() -> apart.sum((1, 2))
~ n * k -> k

pixels_summed | A sum over the pixels. | pixels
~ mean((3, 4, 5)) -> sum((3, 4, 5))

std | The standard deviation. | standard deviation
-    n, k = samples.shape[:2]
-    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
-    return apart.sum() / (n * k * (k - 1))
+    return samples.std(1).mean()

summed | A sum over the pairs. | added up
~ n, k = samples.shape[:2] -> n = len(samples)
~ (n * k * (k - 1)) -> n

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
"""
