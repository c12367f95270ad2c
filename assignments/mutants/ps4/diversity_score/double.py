"""Both orders, over each pair once.

message: twice
"""


def diversity_score(samples):
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.sum() / (n * k * (k - 1) / 2)
