"""A sum over the pixels.

message: pixels
"""


def diversity_score(samples):
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).abs().sum((3, 4, 5))
    return apart.sum() / (n * k * (k - 1))
