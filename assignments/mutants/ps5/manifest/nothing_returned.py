"""No return.

message: return
"""

from mutants.ps5.example import example


def manifest():
    m = example()

    m["verdict"] = "open"
