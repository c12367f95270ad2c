"""Starts at 0.

message: single layer
"""


def receptive_field(layers):
    r = 0
    for kernel, stride in reversed(layers):
        r = (r - 1) * stride + kernel
    return r
