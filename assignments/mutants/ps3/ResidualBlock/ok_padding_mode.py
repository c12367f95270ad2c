"""Padding inside the convolutions, no bias before a norm."""

from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=False)
        self.two = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=False)
        self.norm, self.act = nn.InstanceNorm2d(width), nn.ReLU(inplace=True)

    def forward(self, image):
        return self.norm(self.two(self.act(self.norm(self.one(image))))) + image
