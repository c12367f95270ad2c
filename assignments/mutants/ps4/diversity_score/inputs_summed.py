"""A sum over the inputs.

message: inputs are added
"""


def diversity_score(samples):
    k = samples.shape[1]
    apart = (samples[:, :, None] - samples[:, None]).abs().mean((3, 4, 5))
    return apart.sum() / (k * (k - 1))
