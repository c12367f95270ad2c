"""The return is inside the loop.

message: pencil
"""


def receptive_field(layers):
    r = 1
    for kernel, stride in reversed(layers):
        r = (r - 1) * stride + kernel
        return r
    return r
