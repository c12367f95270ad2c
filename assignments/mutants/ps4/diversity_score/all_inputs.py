"""Samples of all inputs together.

message: different inputs
"""


def diversity_score(samples):
    samples = samples.flatten(0, 1)[None]
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.sum() / (n * k * (k - 1))
