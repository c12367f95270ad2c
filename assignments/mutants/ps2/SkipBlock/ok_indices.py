"""Rows and columns picked by index, which is what nearest means."""

import torch
from torch import nn


class SkipBlock(nn.Module):
    def __init__(self, down, inner, up):
        super().__init__()
        self.encoder, self.bottleneck, self.decoder = down, inner, up

    def forward(self, h):
        out = self.decoder(self.bottleneck(self.encoder(h)))
        rows = torch.arange(h.shape[2]) * out.shape[2] // h.shape[2]
        columns = torch.arange(h.shape[3]) * out.shape[3] // h.shape[3]
        out = out[:, :, rows][:, :, :, columns]
        both = h.new_empty(h.shape[0], out.shape[1] + h.shape[1], *h.shape[2:])
        both[:, : out.shape[1]] = out
        both[:, out.shape[1] :] = h
        return both
