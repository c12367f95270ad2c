"""A sum over the pairs.

message: added up
"""


def diversity_score(samples):
    n = len(samples)
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.sum() / n
