"""DCGAN in one file (Radford, Metz, Chintala: ICLR 2016): images made from noise alone.

    python dcgan.py mine --minutes 5

reads images from mine/train/. Every 100 steps it writes dcgan.pt, the networks and the state of
both optimisers, from which --start dcgan.pt goes on after a stop, and dcgan.png: eight images that
it never trains on, above 32 that G makes, always of the same noise. At 32 px, 1,100 steps of 16
images were enough for shapes like letters. The paper's networks: --width 128 --batch 128.
"""

import argparse
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import nn
from torch.utils.data import DataLoader, Dataset

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))
Z = 100  # numbers in a z


def widths(size, c):
    """Channels of the maps from size / 2 down to 4 x 4: c 2c 4c 8c at 64 px."""
    return [c * min(2**i, 8) for i in range(int(np.log2(size)) - 2)]


class Generator(nn.Module):
    """G(z): (B, Z) -> (B, 3, S, S) in [-1, 1], S a power of two from 16 on."""

    def __init__(self, size, c):
        super().__init__()
        width = widths(size, c)[::-1]  # 1024 512 256 128
        layers = [nn.ConvTranspose2d(Z, width[0], 4, bias=False)]  # (B, Z, 1, 1) -> (B, 8c, 4, 4)
        for c_in, c_out in pairwise([*width, 3]):  # (B, c_in, s, s) -> (B, c_out, 2s, 2s)
            larger = nn.ConvTranspose2d(c_in, c_out, 5, 2, 2, 1, bias=False)
            layers += [nn.BatchNorm2d(c_in), nn.ReLU(), larger]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z):
        return self.layers(z[:, :, None, None])


class Discriminator(nn.Sequential):
    """D(y): (B, 3, S, S) -> (B, 1), a logit for each image. No pooling: strides halve the maps."""

    def __init__(self, size, c):
        width = widths(size, c)  # 128 256 512 1024
        layers = [nn.Conv2d(3, c, 5, 2, 2, bias=False), nn.LeakyReLU(0.2)]  # without norm
        for c_in, c_out in pairwise(width):  # (B, c_in, s, s) -> (B, c_out, s/2, s/2)
            half = nn.Conv2d(c_in, c_out, 5, 2, 2, bias=False)
            layers += [half, nn.BatchNorm2d(c_out), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(width[-1], 1, 4, bias=False), nn.Flatten())


def init(layer):
    """Weights from N(0, 0.02), scales of batch norm from N(1, 0.02)."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0, 0.02)


def noise(n, device):
    """n draws of z, (n, Z): each number from U(-1, 1)."""
    return torch.rand(n, Z).to(device) * 2 - 1


# ---- Losses, and one step (Goodfellow and others, NIPS 2014: equation 1 and algorithm 1) ---------
#
# $$ \min_G \max_D V(D, G) = E_y[\log D(y)] + E_z[\log(1 - D(G(z)))] \quad (1) $$
#
# D gives logits: log D is logsigmoid(logits), and log(1 - D) is logsigmoid(-logits).


def step(y, G, D, opt_G, opt_D):
    """One update of D, then one of G. y: (B, 3, S, S). Returns the terms."""
    fake_y = G(noise(len(y), y.device))

    # D climbs equation 1: it descends the negative. fake_y is detached, so nothing of this reaches
    # G. Real images and fakes are two batches, as batch norm mixes what is in one.
    d_real = -F.logsigmoid(D(y)).mean()
    d_fake = -F.logsigmoid(-D(fake_y.detach())).mean()
    opt_D.zero_grad()
    (d_real + d_fake).backward()
    opt_D.step()

    # G learns from the D that has just learned. log(1 - D) is flat where D wins, so G climbs log D
    # instead. What its gradient leaves in D's weights is thrown away by opt_D.zero_grad().
    g_gan = -F.logsigmoid(D(fake_y)).mean()
    opt_G.zero_grad()
    g_gan.backward()
    opt_G.step()
    return {"d_real": d_real, "d_fake": d_fake, "g_gan": g_gan}


class Images(Dataset):
    """Each a square from the middle of its file, (3, size, size) in [-1, 1]."""

    def __init__(self, files, size):
        self.files, self.size = files, size

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        square = ImageOps.fit(Image.open(self.files[i]).convert("RGB"), (self.size, self.size))
        return torch.from_numpy(np.array(square)).permute(2, 0, 1) / 127.5 - 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="with train/, of images")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--size", type=int, default=64, help="pixels, a power of two; paper: 64")
    parser.add_argument("--width", type=int, default=16, help="channels of D's layer 1; paper: 128")
    parser.add_argument("--batch", type=int, default=32, help="images of one step; paper: 128")
    parser.add_argument("--start", help="the dcgan.pt of an earlier training, to go on from")
    args = parser.parse_args()
    torch.manual_seed(0)
    found = (args.folder / "train").iterdir()
    files = sorted(f for f in found if f.suffix.lower() in (".png", ".jpg", ".jpeg"))
    assert len(files) > 8, f"{args.folder} needs at least 9 images, .png or .jpg: 8 are held out"
    held_y = torch.stack([*Images(files[:8], args.size)]).to(DEVICE)
    loader = DataLoader(Images(files[8:], args.size), args.batch, shuffle=True)
    G, D = Generator(args.size, args.width), Discriminator(args.size, args.width)
    G.to(DEVICE).apply(init), D.to(DEVICE).apply(init)
    opt_G, opt_D = adam(G.parameters()), adam(D.parameters())
    parts = {"G": G, "D": D, "opt_G": opt_G, "opt_D": opt_D}
    if args.start:
        saved = torch.load(args.start, DEVICE, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    held_z = noise(32, DEVICE)

    start, steps, done, batches = time.monotonic(), 0, 0.0, iter(())
    while done < 1:
        if (y := next(batches, None)) is None:  # an epoch is over
            batches = iter(loader)
            y = next(batches)
        terms = step(y.to(DEVICE), G, D, opt_G, opt_D)
        steps, done = steps + 1, (time.monotonic() - start) / (60 * args.minutes)
        if steps % 100 == 0 or done >= 1:
            print(f"{done:4.0%}, step {steps}:", *(f"{k} {v.item():.2f}" for k, v in terms.items()))
            with torch.no_grad():  # G stays as in training: the statistics are those of its batch
                rows = [held_y, *G(held_z).split(8)]
            wall = torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)
            pixels = (127.5 * (wall + 1)).round().byte().permute(1, 2, 0)
            Image.fromarray(pixels.cpu().numpy()).save("dcgan.png")
            torch.save({name: part.state_dict() for name, part in parts.items()}, "dcgan.pt")


if __name__ == "__main__":
    main()
