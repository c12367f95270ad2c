"""Forgets to take 1 away.

message: single layer
"""


def receptive_field(layers):
    r = 1
    for kernel, stride in reversed(layers):
        r = r * stride + kernel
    return r
