"""All layers have the same width.

message: widths
"""

from torch import nn


def build_patch_gan(in_channels, base_channels, n_layers):
    layers = [nn.Conv2d(in_channels, base_channels, 4, 2, 1), nn.LeakyReLU(0.2)]
    width = base_channels
    for i in range(1, n_layers + 1):
        wider = base_channels
        stride = 2 if i < n_layers else 1
        layers += [nn.Conv2d(width, wider, 4, stride, 1), nn.BatchNorm2d(wider), nn.LeakyReLU(0.2)]
        width = wider
    layers.append(nn.Conv2d(width, 1, 4, 1, 1))
    return nn.Sequential(*layers)
