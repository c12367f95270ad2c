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
"""

WRONG = """
activated_output | Leaky ReLU after the last convolution. | last convolution
     layers.append(nn.Conv2d(width, 1, 4, 1, 1))
+    layers.append(nn.LeakyReLU(0.2))

default_slope | PyTorch's slope of 0.01. | usual slope
-    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.LeakyReLU(0.2)]
+    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.LeakyReLU()]
~ nn.BatchNorm2d(wider), nn.LeakyReLU(0.2) -> nn.BatchNorm2d(wider), nn.LeakyReLU()

instance_norm | Instance norm. | another kind
~ nn.BatchNorm2d -> nn.InstanceNorm2d

last_stride_2 | The last convolution has stride 2, too. | stride
~ width, 1, 4, 1, 1 -> width, 1, 4, 2, 1

no_activation | No activations. | no activation
~ 4, 2, 1), nn.LeakyReLU(0.2) -> 4, 2, 1)
~ nn.BatchNorm2d(wider), nn.LeakyReLU(0.2) -> nn.BatchNorm2d(wider)

norm_on_last | A norm follows the last convolution. | last convolution
     layers.append(nn.Conv2d(width, 1, 4, 1, 1))
+    layers.append(nn.BatchNorm2d(1))

sigmoid | Ends in a sigmoid. | sigmoid
     layers.append(nn.Conv2d(width, 1, 4, 1, 1))
+    layers.append(nn.Sigmoid())

width_not_capped | The widths go on doubling. | widths
~ min(2**i, 8) -> 2**i
"""
