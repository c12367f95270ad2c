"""Wrong and right solutions of ``build_patch_gan``, problem set 2."""

HEAD = """
import torch
import torch.nn.functional as F
from torch import nn
"""

RIGHT = """
ok_sequential | A plain stack.
def build_patch_gan(in_channels, base_channels, n_layers):
    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.LeakyReLU(0.2)]
    width = base_channels
    for i in range(1, n_layers + 1):
        wider = base_channels * min(2**i, 8)
        stride = 2 if i < n_layers else 1
        layers += [nn.Conv2d(width, wider, 4, stride, 1), nn.BatchNorm2d(wider), nn.LeakyReLU(0.2)]
        width = wider
    layers.append(nn.Conv2d(width, 1, 4, 1, 1))
    return nn.Sequential(*layers)

ok_blocks | Nested blocks; zero padding as a layer of its own.
def block(a, b, stride, norm):
    layers = [nn.ZeroPad2d(1), nn.Conv2d(a, b, 4, stride)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(b)] if norm else []), nn.LeakyReLU(0.2))


def build_patch_gan(in_channels, base_channels, n_layers):
    net, width = [block(in_channels, base_channels, 2, False)], base_channels
    for i in range(n_layers):
        wider = min(2 * width, 8 * base_channels)
        net.append(block(width, wider, 2 if i + 1 < n_layers else 1, True))
        width = wider
    return nn.Sequential(*net, nn.Conv2d(width, 1, 4, padding=1))

ok_class | A class with functional activations.
class Discriminator(nn.Module):
    def __init__(self, c, base, n):
        super().__init__()
        sizes = [c] + [base * min(2**i, 8) for i in range(n + 1)]
        strides = [2] * n + [1]
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 4, s, 1) for a, b, s in zip(sizes[:-1], sizes[1:], strides, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in sizes[2:])
        self.head = nn.Conv2d(sizes[-1], 1, 4, padding=1)

    def forward(self, h):
        h = F.leaky_relu(self.convs[0](h), 0.2)
        for conv, norm in zip(self.convs[1:], self.norms, strict=True):
            h = F.leaky_relu(norm(conv(h)), 0.2)
        return self.head(h)


def build_patch_gan(in_channels, base_channels, n_layers):
    return Discriminator(in_channels, base_channels, n_layers)

ok_no_bias | No bias before a norm, widths from a list.
def build_patch_gan(c_in, base, n):
    widths = [c_in] + [base * min(2**i, 8) for i in range(n + 1)]
    body = nn.Sequential()
    for i in range(n + 1):
        body.append(nn.Conv2d(widths[i], widths[i + 1], kernel_size=4, stride=1 + (i < n), padding=1, bias=i == 0))
        if i > 0:
            body.append(nn.BatchNorm2d(widths[i + 1]))
        body.append(nn.LeakyReLU(0.2, inplace=True))
    body.append(nn.Conv2d(widths[-1], 1, kernel_size=4, padding=1))
    return body
"""

WRONG = """
activated_output | Leaky ReLU after the last convolution. | last convolution
     layers.append(nn.Conv2d(width, 1, 4, 1, 1))
+    layers.append(nn.LeakyReLU(0.2))

all_stride_2 | All blocks have stride 2: patches of 94 pixels in place of 70. | stride 2
~ 2 if i < n_layers else 1 -> 2

default_slope | PyTorch's slope of 0.01. | usual slope
-    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.LeakyReLU(0.2)]
+    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.LeakyReLU()]
~ nn.BatchNorm2d(wider), nn.LeakyReLU(0.2) -> nn.BatchNorm2d(wider), nn.LeakyReLU()

functional_sigmoid | A sigmoid in the forward pass. | sigmoid
 from torch import nn
+
+
+class PatchDiscriminator(nn.Module):
+    def __init__(self, layers):
+        super().__init__()
+        self.layers = layers
+
+    def forward(self, image):
+        return torch.sigmoid(self.layers(image))
~ nn.Sequential(*layers) -> PatchDiscriminator(nn.Sequential(*layers))

instance_norm | Instance norm. | another kind
~ nn.BatchNorm2d -> nn.InstanceNorm2d

kernel_3 | Kernels of 3. | kernels
~ base_channels, 4, 2, 1 -> base_channels, 3, 2, 1
~ wider, 4 -> wider, 3
~ width, 1, 4, 1, 1 -> width, 1, 3, 1, 1

last_of_many | With one layer there is no convolution of stride 1 before the last. | one layer
~ range(1, n_layers + 1) -> range(1, n_layers + (n_layers > 1))

last_stride_2 | The last convolution has stride 2, too. | stride
~ width, 1, 4, 1, 1 -> width, 1, 4, 2, 1

momentum | The norms remember the last batch alone. | other statistics
~ nn.BatchNorm2d(wider) -> nn.BatchNorm2d(wider, momentum=1.0)

no_activation | No activations. | no activation
~ nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.LeakyReLU(0.2) -> nn.Conv2d(in_channels, base_channels, 4, 2, 1)
~ nn.BatchNorm2d(wider), nn.LeakyReLU(0.2) -> nn.BatchNorm2d(wider)

no_norm | No norms. | norms are missing
~ nn.BatchNorm2d(wider), nn.LeakyReLU(0.2) -> nn.LeakyReLU(0.2)

no_padding | No padding. | padding
~ 4, 2, 1 -> 4, 2
~ stride, 1 -> stride

norm_on_first | A norm follows the first convolution. | first convolution
-    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.LeakyReLU(0.2)]
+    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.BatchNorm2d(base_channels), nn.LeakyReLU(0.2)]

norm_on_last | A norm follows the last convolution. | last convolution
     layers.append(nn.Conv2d(width, 1, 4, 1, 1))
+    layers.append(nn.BatchNorm2d(1))

one_block_missing | A block too few. | size
~ n_layers + 1 -> n_layers

one_number | Ends in a mean over the map: one number per image. | one number
     layers.append(nn.Conv2d(width, 1, 4, 1, 1))
+    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]

one_width | All layers have the same width. | widths
~ base_channels * min(2**i, 8) -> base_channels

relu | ReLU that is not leaky. | cut off
-    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.LeakyReLU(0.2)]
+    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.ReLU()]
~ nn.BatchNorm2d(wider), nn.LeakyReLU(0.2) -> nn.BatchNorm2d(wider), nn.ReLU()

sigmoid | Ends in a sigmoid. | sigmoid
     layers.append(nn.Conv2d(width, 1, 4, 1, 1))
+    layers.append(nn.Sigmoid())

three_channels | The number of input channels is fixed to 6. | widths
~ in_channels, base_channels, 4 -> 7, base_channels, 4

width_not_capped | The widths go on doubling. | widths
~ min(2**i, 8) -> 2**i
"""
