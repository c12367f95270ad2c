"""Kernels are multiplied.

message: pencil
"""

import math


def receptive_field(layers):
    return math.prod(kernel for kernel, _ in layers)
