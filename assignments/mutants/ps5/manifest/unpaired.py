"""The errors of both rows added, as if they shared no seeds.

message: share their seeds
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["interval"] |= {"mean": 0.0025507420301437377, "low": -0.005975502884999951, "high": 0.011076986945287427}
    return m
