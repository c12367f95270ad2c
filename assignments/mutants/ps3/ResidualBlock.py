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

ok_by_hand | The norm by hand, the sum with torch.add.
def norm(h):
    return (h - h.mean((2, 3), keepdim=True)) / (h.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pad = nn.ReflectionPad2d((1, 1, 1, 1))
        self.first, self.second = nn.Conv2d(channels, channels, (3, 3)), nn.Conv2d(channels, channels, (3, 3))

    def forward(self, h):
        inner = norm(self.first(self.pad(h))).clamp(min=0)
        return torch.add(h, norm(self.second(self.pad(inner))))

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

ok_padding_mode | Padding inside the convolutions, no bias before a norm.
class ResidualBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=False)
        self.two = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=False)
        self.norm, self.act = nn.InstanceNorm2d(width), nn.ReLU(inplace=True)

    def forward(self, image):
        return self.norm(self.two(self.act(self.norm(self.one(image))))) + image
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

group_norm | One group: statistics over all channels. | norm is another
-            nn.InstanceNorm2d(channels),
+            nn.GroupNorm(1, channels),
             nn.ReLU(),
...
-            nn.InstanceNorm2d(channels),
+            nn.GroupNorm(1, channels),
         )

halved | The mean of both ways. | halved
~ h + self.layers(h) -> (h + self.layers(h)) / 2

identity_detached | The identity is cut off. | cut off
~ h + self -> h.detach() + self

inplace_relu | The first layer changes the input in place. | ReLU before it is added
         self.layers = nn.Sequential(
+            nn.ReLU(),
...
     def forward(self, h):
+        h = h.relu()

inplace_sum | The result is added into the input. | in place
-        return h + self.layers(h)
+        h += self.layers(h)
+        return h

leaky | Leaky ReLU, which belongs to D. | leaky
~ nn.ReLU() -> nn.LeakyReLU(0.2)

no_identity | The input is not added. | identity
~ return h + self -> return self

no_norm | No norms. | norms are missing
-            nn.InstanceNorm2d(channels),
             nn.ReLU(),
...
-            nn.InstanceNorm2d(channels),
         )

no_padding | Nothing is padded. | border
         self.layers = nn.Sequential(
-            nn.ReflectionPad2d(1),
...
             nn.ReLU(),
-            nn.ReflectionPad2d(1),

no_relu | No activation between the convolutions. | no ReLU
-            nn.ReLU(),

norm_after_relu | ReLU before the norm. | change places
         self.layers = nn.Sequential(
             nn.ReflectionPad2d(1),
             nn.Conv2d(channels, channels, 3),
+            nn.ReLU(),
-            nn.ReLU(),

one_convolution | One convolution only. | one convolution only
-            nn.ReLU(),
-            nn.ReflectionPad2d(1),
-            nn.Conv2d(channels, channels, 3),
-            nn.InstanceNorm2d(channels),

padded_once | Only the first convolution is padded. | size
             nn.ReLU(),
-            nn.ReflectionPad2d(1),

plain_list | The layers sit in a plain list, where nothing finds them. | not found
-        self.layers = nn.Sequential(
-            nn.ReflectionPad2d(1),
-            nn.Conv2d(channels, channels, 3),
-            nn.InstanceNorm2d(channels),
-            nn.ReLU(),
-            nn.ReflectionPad2d(1),
-            nn.Conv2d(channels, channels, 3),
-            nn.InstanceNorm2d(channels),
-        )
+        convs = [nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", dtype=float) for _ in range(2)]
+        self.layers = [convs[0], nn.InstanceNorm2d(channels), nn.ReLU(), convs[1], nn.InstanceNorm2d(channels)]
-        return h + self.layers(h)
+        out = h
+        for layer in self.layers:
+            out = layer(out)
+        return h + out

relu_after_second | A ReLU after both norms. | after the second norm
+            nn.ReLU(),
         )

relu_after_sum | A ReLU after the sum, as in the first ResNets. | ReLU after the sum
~ h + self.layers(h) -> (h + self.layers(h)).relu()

replication | The border is repeated, not reflected. | padded
         self.layers = nn.Sequential(
-            nn.ReflectionPad2d(1),
+            nn.ReplicationPad2d(1),
...
             nn.ReLU(),
-            nn.ReflectionPad2d(1),
+            nn.ReplicationPad2d(1),

running_norms | The norms use running statistics in eval mode. | eval mode
-            nn.InstanceNorm2d(channels),
             nn.ReLU(),
+            nn.InstanceNorm2d(channels, track_running_stats=True),

shared_weights | One convolution is used twice. | used twice
-        self.layers = nn.Sequential(
-            nn.ReflectionPad2d(1),
-            nn.Conv2d(channels, channels, 3),
-            nn.InstanceNorm2d(channels),
-            nn.ReLU(),
-            nn.ReflectionPad2d(1),
-            nn.Conv2d(channels, channels, 3),
-            nn.InstanceNorm2d(channels),
-        )
+        self.conv = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels))
~ self.layers(h) -> self.conv(self.conv(h).relu())

way_detached | The layers see a detached input. | cut off
~ self.layers(h) -> self.layers(h.detach())

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
