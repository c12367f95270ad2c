"""pix2pix in one file (Isola, Zhu, Zhou, Efros: CVPR 2017): translation learned from pairs.

    python pix2pix.py mine --minutes 5

reads images from mine/train/, each x in its left half, y in its right half. Every 200 steps it
writes pix2pix.pt, from which --start pix2pix.pt goes on after a stop, and pix2pix.png of eight
pairs that it never trains on. From the top: x, what G makes of it, the true y. At 64 px, five
minutes of a busy core (AMD EPYC, float32) were 4,237 steps, and outlines of fish got their colours.
"""

import argparse
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))


class UNet(nn.Module):
    """G(x, z): (B, 3, S, S) -> (B, 3, S, S) in [-1, 1], S a power of two.

    Layers halve the image until one pixel is left, and as many bring it back to its size. Each map
    on the way down is also handed across, to the layer of its size on the way up: edges need not
    pass through the one pixel. The noise z is dropout, as G learns to ignore any other.
    """

    def __init__(self, size, c):
        super().__init__()
        width = [c * min(2**i, 8) for i in range(int(np.log2(size)))]  # 64 128 256 512 512 ...
        self.encoder = nn.ModuleList([nn.Conv2d(3, c, 4, 2, 1, bias=False)])
        for c_in, c_out in pairwise(width):  # (B, c_in, s, s) -> (B, c_out, s/2, s/2)
            conv = nn.Conv2d(c_in, c_out, 4, 2, 1, bias=False)
            self.encoder.append(nn.Sequential(nn.LeakyReLU(0.2), conv, nn.BatchNorm2d(c_out)))
        self.encoder[-1].pop(2)  # normalised, the one pixel would be 0
        self.decoder = nn.ModuleList()
        for i, (c_in, c_out) in enumerate(pairwise(reversed(width))):  # back, s -> 2s
            both = c_in if i == 0 else 2 * c_in  # from below and, beside it, from across
            conv = nn.ConvTranspose2d(both, c_out, 4, 2, 1, bias=False)
            z = [nn.Dropout(0.5)] if i < 3 else []
            self.decoder.append(nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(c_out), *z))
        to_image = nn.ConvTranspose2d(2 * c, 3, 4, 2, 1)
        self.decoder.append(nn.Sequential(nn.ReLU(), to_image, nn.Tanh()))

    def forward(self, x):
        maps = [x]
        for layer in self.encoder:
            maps.append(layer(maps[-1]))
        h = self.decoder[0](maps.pop())  # (B, 8c, 1, 1) -> (B, 8c, 2, 2)
        for layer in self.decoder[1:]:
            h = layer(torch.cat([h, maps.pop()], dim=1))
        return h


class PatchGAN(nn.Module):
    """D(x, y): (B, 3, S, S) twice -> (B, 1, s, s), a logit for each patch of 70 x 70 pixels."""

    def __init__(self, c):
        super().__init__()
        self.layers = nn.Sequential(
            *[nn.Conv2d(6, c, 4, 2, 1), nn.LeakyReLU(0.2)],  # C64, without norm
            *self.normed(nn.Conv2d(c, 2 * c, 4, 2, 1, bias=False)),  # C128
            *self.normed(nn.Conv2d(2 * c, 4 * c, 4, 2, 1, bias=False)),  # C256
            *self.normed(nn.Conv2d(4 * c, 8 * c, 4, 1, 1, bias=False)),  # C512
            nn.Conv2d(8 * c, 1, 4, 1, 1),
        )

    def normed(self, conv):
        return conv, nn.BatchNorm2d(conv.out_channels), nn.LeakyReLU(0.2)

    def forward(self, x, y):
        return self.layers(torch.cat([x, y], dim=1))


def init(layer):
    """Weights from N(0, 0.02), scales of batch norm from N(1, 0.02)."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


# ---- Losses, and one step (sections 3.1 and 3.3) -------------------------------------------------
#
# $$ L_{cGAN}(G, D) = E_{x,y}[\log D(x, y)] + E_{x,z}[\log(1 - D(x, G(x, z)))] \quad (1) $$
# $$ L_{L1}(G) = E_{x,y,z} \| y - G(x, z) \|_1 \quad (3) $$
# $$ G^* = \arg \min_G \max_D L_{cGAN}(G, D) + \lambda L_{L1}(G), \quad \lambda = 100 \quad (4) $$
#
# D gives logits: log D is logsigmoid(logits), and log(1 - D) is logsigmoid(-logits).


def step(x, y, G, D, opt_G, opt_D, lambda_l1=100.0):
    """One update of D, then one of G. x and y: (B, 3, S, S). Returns the terms."""
    fake_y = G(x)

    # D climbs equation 1: it descends the negative, halved to slow D down. fake_y is detached, so
    # no gradient reaches G, which would learn to make D's work easier.
    d_real = -F.logsigmoid(D(x, y)).mean()
    d_fake = -F.logsigmoid(-D(x, fake_y.detach())).mean()
    opt_D.zero_grad()
    (0.5 * (d_real + d_fake)).backward()
    opt_D.step()

    # G descends equation 4, against the D that has just learned. log(1 - D) is flat where D wins,
    # so G climbs log D instead. The gradient passes through D to get to G; what it leaves in D's
    # weights on the way is thrown away by opt_D.zero_grad() before D learns again.
    g_gan = -F.logsigmoid(D(x, fake_y)).mean()
    g_l1 = (fake_y - y).abs().mean()
    opt_G.zero_grad()
    (g_gan + lambda_l1 * g_l1).backward()
    opt_G.step()
    return {"d_real": d_real, "d_fake": d_fake, "g_gan": g_gan, "g_l1": g_l1}


def read(folder, size):
    """The pairs of a folder as bytes, (N, 6, size, size): three channels of x, then three of y."""
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in (".png", ".jpg", ".jpeg"))
    assert len(files) > 8, f"{folder} needs at least 9 images, .png or .jpg: 8 are held out"
    # BOX takes the mean of what a new pixel covers, so nothing of x gets into y
    wide = [Image.open(f).convert("RGB").resize((2 * size, size), Image.BOX) for f in files]
    pairs = torch.from_numpy(np.stack(wide)).permute(0, 3, 1, 2)  # (N, 3, size, 2 size)
    return torch.cat(pairs.chunk(2, dim=3), dim=1)


def draw(pairs, size):
    """A random one, (1, 6, size, size) in [-1, 1], cut out of a larger one and perhaps mirrored."""
    pair = pairs[torch.randint(len(pairs), ())]
    top, left = torch.randint(pairs.shape[-1] - size + 1, (2,))
    pair = pair[None, :, top : top + size, left : left + size].to(DEVICE) / 127.5 - 1
    return pair.flip(-1) if torch.rand(()) < 0.5 else pair


def save_picture(path, rows):
    """Rows of images, each (N, 3, S, S) in [-1, 1], one below the other."""
    wall = torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)  # (3, rows S, N S)
    pixels = (127.5 * (wall + 1)).round().byte().permute(1, 2, 0)
    Image.fromarray(pixels.cpu().numpy()).save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="with train/, of images of x beside y")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--size", type=int, default=64, help="pixels, a power of two; paper: 256")
    parser.add_argument("--width", type=int, default=16, help="channels of layer 1; paper: 64")
    parser.add_argument("--start", help="the pix2pix.pt of an earlier training, to go on from")
    args = parser.parse_args()
    torch.manual_seed(0)
    pairs = read(args.folder / "train", args.size * 286 // 256)
    held = [draw(pairs[i : i + 1], args.size) for i in range(8)]  # never trained on
    held_x, held_y = torch.cat(held).chunk(2, dim=1)
    G, D = UNet(args.size, args.width).to(DEVICE), PatchGAN(args.width).to(DEVICE)
    G.apply(init), D.apply(init)
    opt_G, opt_D = adam(G.parameters()), adam(D.parameters())
    parts = {"G": G, "D": D, "opt_G": opt_G, "opt_D": opt_D}
    if args.start:
        saved = torch.load(args.start, DEVICE, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved[name])

    start, steps, done = time.monotonic(), 0, 0.0
    while done < 1:
        x, y = draw(pairs[8:], args.size).chunk(2, dim=1)
        terms = step(x, y, G, D, opt_G, opt_D)
        steps, done = steps + 1, (time.monotonic() - start) / (60 * args.minutes)
        if steps % 200 == 0 or done >= 1:
            print(f"{done:4.0%}, step {steps}:", *(f"{k} {v.item():.2f}" for k, v in terms.items()))
            with torch.no_grad():  # G stays as in training: dropout, and the image's own statistics
                fake_y = torch.cat([G(one) for one in held_x.split(1)])
            save_picture("pix2pix.png", [held_x, fake_y, held_y])
            torch.save({name: part.state_dict() for name, part in parts.items()}, "pix2pix.pt")


if __name__ == "__main__":
    main()
