"""The standard deviation.

message: standard deviation
"""


def diversity_score(samples):
    return samples.std(1).mean()
