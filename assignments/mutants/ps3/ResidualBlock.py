"""Wrong and right solutions of ``ResidualBlock``, problem set 3."""

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn
"""

RIGHT = """
ok_textbook | As in the text.
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, h):
        return h + self.layers(h)

ok_functional | Padding, norm and ReLU as functions.
class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 3) for _ in range(2))

    def forward(self, h):
        out = h
        for i, conv in enumerate(self.convs):
            out = F.instance_norm(conv(F.pad(out, (1, 1, 1, 1), mode="reflect")))
            out = F.relu(out) if i == 0 else out
        return h + out
"""

WRONG = """
affine | The norms learn a scale and a shift. | another number of weights
-            nn.InstanceNorm2d(channels),
+            nn.InstanceNorm2d(channels, affine=True),
             nn.ReLU(),
...
-            nn.InstanceNorm2d(channels),
+            nn.InstanceNorm2d(channels, affine=True),
         )

batch_norm | Batch norm in place of instance norm. | norm is another
-            nn.InstanceNorm2d(channels),
+            nn.BatchNorm2d(channels),
             nn.ReLU(),
...
-            nn.InstanceNorm2d(channels),
+            nn.BatchNorm2d(channels),
         )

identity_detached | The identity is cut off. | cut off
~ h + self -> h.detach() + self

inplace_relu | The first layer changes the input in place. | ReLU before it is added
         self.layers = nn.Sequential(
+            nn.ReLU(),
...
     def forward(self, h):
+        h = h.relu()

no_identity | The input is not added. | identity
~ return h + self -> return self

no_padding | Nothing is padded. | border
         self.layers = nn.Sequential(
-            nn.ReflectionPad2d(1),
...
             nn.ReLU(),
-            nn.ReflectionPad2d(1),

relu_after_sum | A ReLU after the sum, as in the first ResNets. | ReLU after the sum
~ h + self.layers(h) -> (h + self.layers(h)).relu()

zero_padding | Zeros around the image. | padded
         self.layers = nn.Sequential(
-            nn.ReflectionPad2d(1),
-            nn.Conv2d(channels, channels, 3),
+            nn.Conv2d(channels, channels, 3, padding=1),
...
             nn.ReLU(),
-            nn.ReflectionPad2d(1),
-            nn.Conv2d(channels, channels, 3),
+            nn.Conv2d(channels, channels, 3, padding=1),
"""
