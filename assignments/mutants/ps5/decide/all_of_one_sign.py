"""All seeds must agree, no interval.

message: holds 0
"""

import statistics


def decide(differences):
    n = len(differences)
    if n < 3:
        return "open"
    return "supported" if statistics.fmean(differences) > 0 else "contradicted" if max(differences) < 0 else "open"
