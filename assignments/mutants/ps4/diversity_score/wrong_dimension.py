"""Inputs are compared.

message: which dimension
"""


def diversity_score(samples):
    samples = samples.transpose(0, 1)
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.sum() / (n * k * (k - 1))
