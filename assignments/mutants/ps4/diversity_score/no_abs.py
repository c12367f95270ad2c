"""The mean comes first.

message: cancel
"""


def diversity_score(samples):
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).mean((3, 4, 5)).abs()
    return apart.sum() / (n * k * (k - 1))
