"""Wrong and right solutions of ``receptive_field``, problem set 2."""

HEAD = """
import math
"""

RIGHT = """
ok_backwards | The walk back.
def receptive_field(layers):
    r = 1
    for kernel, stride in reversed(layers):
        r = (r - 1) * stride + kernel
    return r

ok_formula | The sum of all kernels, in one line; a float.
def receptive_field(layers):
    strides = [stride for _, stride in layers]
    return 1.0 + sum((k - 1) * math.prod(strides[:i]) for i, (k, _) in enumerate(layers))

ok_forwards | From the input, with the distance of two outputs.
def receptive_field(stack):
    size, jump = 1, 1
    for k, s in stack:
        size += (k - 1) * jump
        jump *= s
    return size

ok_recursive | Recursive.
def receptive_field(layers):
    if not layers:
        return 1
    kernel, stride = layers[0]
    return (receptive_field(layers[1:]) - 1) * stride + kernel
"""

WRONG = """
forward_walk | Walks from the input to the output. | from which end
~ reversed(layers) -> layers

from_70 | The 70 of the paper. | pencil
-    r = 1
-    for kernel, stride in reversed(layers):
-        r = (r - 1) * stride + kernel
-    return r
+    return 70

from_zero | Starts at 0. | single layer
~ r = 1 -> r = 0

jump | The distance of two patches, not their size. | apart
~ r = 1 -> jump = 1
~ kernel, stride in reversed(layers) -> _, stride in layers
~ r = (r - 1) * stride + kernel -> jump *= stride
~ return r -> return jump

kernels_added | Kernels are added. | overlap
-    r = 1
-    for kernel, stride in reversed(layers):
-        r = (r - 1) * stride + kernel
-    return r
+    return sum(kernel for kernel, _ in layers) or 1

last_forgotten | The first layer from the end is skipped. | pencil
~ reversed(layers): -> list(reversed(layers))[1:]:

no_minus_one | Forgets to take 1 away. | single layer
~ (r - 1) -> r

off_by_one | One too many. | single layer
~ return r -> return r + 1

own_stride | A layer's own stride widens its own kernel. | own kernel
-    r = 1
-    for kernel, stride in reversed(layers):
-        r = (r - 1) * stride + kernel
+    r, jump = 1, 1
+    for kernel, stride in layers:
+        jump *= stride
+        r += (kernel - 1) * jump

pair_swapped | Kernel and stride change places. | pencil
~ kernel, stride -> stride, kernel

product | Kernels are multiplied. | pencil
-    r = 1
-    for kernel, stride in reversed(layers):
-        r = (r - 1) * stride + kernel
-    return r
+    return math.prod(kernel for kernel, _ in layers)

returns_early | The return is inside the loop. | pencil
         r = (r - 1) * stride + kernel
+        return r

strides_ignored | Strides play no part. | strides play
-    r = 1
-    for kernel, stride in reversed(layers):
-        r = (r - 1) * stride + kernel
-    return r
+    return 1 + sum(kernel - 1 for kernel, _ in layers)
"""
