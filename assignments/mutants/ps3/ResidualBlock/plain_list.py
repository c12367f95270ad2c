"""The layers sit in a plain list, where nothing finds them.

message: not found
"""

from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        convs = [nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", dtype=float) for _ in range(2)]
        self.layers = [convs[0], nn.InstanceNorm2d(channels), nn.ReLU(), convs[1], nn.InstanceNorm2d(channels)]

    def forward(self, h):
        out = h
        for layer in self.layers:
            out = layer(out)
        return h + out
