"""A topic in place of a question.

message: asks
"""

from mutants.ps5.example import example


def manifest():
    m = example()
    m["question"] = "Dropout in pix2pix and its influence on the result."
    return m
