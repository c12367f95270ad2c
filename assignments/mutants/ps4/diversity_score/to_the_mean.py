"""The distance to the mean image.

message: mean image
"""


def diversity_score(samples):
    return (samples - samples.mean(1, keepdim=True)).abs().mean()
