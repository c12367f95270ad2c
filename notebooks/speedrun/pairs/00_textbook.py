"""The one-file edition of pix2pix, as it stands: the control."""

import torch
import torch.nn.functional as F
from pix2pix import PatchGAN, UNet, adam, draw, init, step

STEPS, WIDTH = 5000, 16


def train(x, y, seed):
    torch.manual_seed(seed)
    size = x.shape[-1]
    parts = torch.cat([x, y], dim=1).split(64)  # larger, to cut out of
    pairs = torch.cat([F.interpolate(part.float(), size * 286 // 256).byte() for part in parts])
    G, D = UNet(size, WIDTH), PatchGAN(WIDTH)
    G.apply(init), D.apply(init)
    opt_G, opt_D = adam(G.parameters()), adam(D.parameters())

    def translate(x):
        return torch.cat([G(one) for one in x.split(1)])

    for i in range(STEPS):
        x, y = draw(pairs, size).chunk(2, dim=1)
        step(x, y, G, D, opt_G, opt_D)
        if i % 100 == 99:
            yield translate
