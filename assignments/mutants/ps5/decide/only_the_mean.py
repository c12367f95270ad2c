"""The sign of the mean decides.

message: holds 0
"""

import statistics


def decide(differences):
    n = len(differences)
    if n < 3:
        return "open"
    mean = statistics.fmean(differences)
    return "supported" if mean > 0 else "contradicted" if mean < 0 else "open"
