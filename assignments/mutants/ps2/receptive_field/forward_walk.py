"""Walks from the input to the output.

message: from which end
"""


def receptive_field(layers):
    r = 1
    for kernel, stride in layers:
        r = (r - 1) * stride + kernel
    return r
