"""The sum of all kernels, in one line; a float."""

import math


def receptive_field(layers):
    strides = [stride for _, stride in layers]
    return 1.0 + sum((k - 1) * math.prod(strides[:i]) for i, (k, _) in enumerate(layers))
