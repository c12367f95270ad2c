"""Each pair once, over all ordered pairs.

message: half
"""


def diversity_score(samples):
    n, k = samples.shape[:2]
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.triu().sum() / (n * k * (k - 1))
