"""A layer's own stride widens its own kernel.

message: own kernel
"""


def receptive_field(layers):
    r, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        r += (kernel - 1) * jump
    return r
