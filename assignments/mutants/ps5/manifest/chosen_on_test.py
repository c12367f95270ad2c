"""The claim was chosen on the data it is reported on.

message: looks better
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["chosen_on"] = "test"
    return m
