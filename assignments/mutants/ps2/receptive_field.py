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

no_minus_one | Forgets to take 1 away. | single layer
~ (r - 1) -> r

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
