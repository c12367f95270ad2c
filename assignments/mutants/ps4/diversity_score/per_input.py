"""One number for each input.

message: no single number
"""


def diversity_score(samples):
    k = samples.shape[1]
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.sum((1, 2)) / (k * (k - 1))
