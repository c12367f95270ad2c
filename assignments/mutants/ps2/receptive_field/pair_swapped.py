"""Kernel and stride change places.

message: pencil
"""


def receptive_field(layers):
    r = 1
    for stride, kernel in reversed(layers):
        r = (r - 1) * stride + kernel
    return r
