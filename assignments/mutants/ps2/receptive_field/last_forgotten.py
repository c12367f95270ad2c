"""The first layer from the end is skipped.

message: pencil
"""


def receptive_field(layers):
    r = 1
    for kernel, stride in list(reversed(layers))[1:]:
        r = (r - 1) * stride + kernel
    return r
