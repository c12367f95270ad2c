"""Nested blocks; zero padding as a layer of its own."""

from torch import nn


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
