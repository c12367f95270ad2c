"""Kernels are added.

message: overlap
"""


def receptive_field(layers):
    return sum(kernel for kernel, _ in layers) or 1
