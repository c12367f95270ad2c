"""CUT in one file (Park, Efros, Zhang, Zhu: ECCV 2020): translation without pairs, one way.

    python cut.py mine --minutes 5

reads images of domain x from mine/trainA/ and of domain y from mine/trainB/. Every 200 steps it
writes cut.pt, from which --start goes on after a stop, and cut.png of eight x that it never trains
on, above their translations. The paper's networks: --size 256 --width 64 --blocks 9.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))


def normed(conv, activation):
    return conv, nn.InstanceNorm2d(conv.out_channels), activation


class Blur(nn.Module):
    """(B, c, s, s) -> (B, c, s/2, s/2): blurred, then every second pixel."""

    def forward(self, h):
        line = torch.tensor([0.25, 0.5, 0.25], device=h.device)
        kernel = torch.outer(line, line).expand(h.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(h, (1, 1, 1, 1), "reflect"), kernel, stride=2, groups=h.shape[1])


class ResidualBlock(nn.Module):
    """Rk: h + two 3x3 convolutions of h, (B, k, s, s) -> (B, k, s, s)."""

    def __init__(self, k):
        super().__init__()
        self.layers = nn.Sequential(
            *[nn.ReflectionPad2d(1), *normed(nn.Conv2d(k, k, 3), nn.ReLU())],
            *[nn.ReflectionPad2d(1), *normed(nn.Conv2d(k, k, 3), nn.Identity())],
        )

    def forward(self, h):
        return h + self.layers(h)


class Generator(nn.Module):
    """G: (B, 3, S, S) -> (B, 3, S, S) in [-1, 1], S a multiple of 4."""

    def __init__(self, c, n_blocks):
        larger = partial(nn.Upsample, scale_factor=2, mode="bilinear")
        super().__init__()
        self.layers = nn.Sequential(
            *[nn.ReflectionPad2d(3), *normed(nn.Conv2d(3, c, 7), nn.ReLU())],  # 0 to 3
            *[
                *normed(nn.Conv2d(c, 2 * c, 3, 1, 1), nn.ReLU()),
                Blur(),
            ],  # 4 to 7: 2c, S/2
            *[*normed(nn.Conv2d(2 * c, 4 * c, 3, 1, 1), nn.ReLU()), Blur()],  # 8 to 11: 4c, S/4
            *[ResidualBlock(4 * c) for _ in range(n_blocks)],  # 12 ...
            *[larger(), *normed(nn.Conv2d(4 * c, 2 * c, 3, 1, 1), nn.ReLU())],
            *[larger(), *normed(nn.Conv2d(2 * c, c, 3, 1, 1), nn.ReLU())],
            *[nn.ReflectionPad2d(3), nn.Conv2d(c, 3, 7), nn.Tanh()],
        )
        self.taken = (0, 4, 8, 12, 12 + n_blocks // 2)

    def forward(self, x):
        return self.layers(x)

    def features(self, x):
        """Five maps: the padded image, both convolutions that halve, the first and middle block."""
        maps = []
        for i, layer in enumerate(self.layers[: self.taken[-1] + 1]):
            x = layer(x)
            maps += [x] * self.taken.count(i)
        return maps

    def finish(self, h):
        """From the last of the maps to the image."""
        return self.layers[self.taken[-1] + 1 :](h)


class PatchGAN(nn.Sequential):
    """D: (B, 3, S, S) -> (B, 1, s, s), a number for each patch of 70 x 70 pixels."""

    def __init__(self, c):
        super().__init__(
            *[nn.Conv2d(3, c, 4, 1, 1), nn.LeakyReLU(0.2), Blur()],  # without norm
            *[*normed(nn.Conv2d(c, 2 * c, 4, 1, 1), nn.LeakyReLU(0.2)), Blur()],
            *[*normed(nn.Conv2d(2 * c, 4 * c, 4, 1, 1), nn.LeakyReLU(0.2)), Blur()],
            *normed(nn.Conv2d(4 * c, 8 * c, 4, 1, 1), nn.LeakyReLU(0.2)),
            nn.Conv2d(8 * c, 1, 4, 1, 1),
        )


class Projections(nn.ModuleList):
    """H: five maps, (B, k, h, w) -> (B, places, dim) each, vectors of length 1 of some places."""

    def __init__(self, c, dim=256):
        widths = (3, 2 * c, 4 * c, 4 * c, 4 * c)
        mlps = (nn.Sequential(nn.Linear(k, dim), nn.ReLU(), nn.Linear(dim, dim)) for k in widths)
        super().__init__(mlps)

    def forward(self, maps, places):
        at = (h.flatten(2)[:, :, which].mT for h, which in zip(maps, places, strict=True))
        return [F.normalize(mlp(h), dim=2) for mlp, h in zip(self, at, strict=True)]


def init(layer):
    """Xavier's rule with gain 0.02."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_normal_(layer.weight, 0.02)
        nn.init.zeros_(layer.bias)


# ---- Losses, and one step (section 3) ------------------------------------------------------------
#
# v is a patch of G(x), v+ that of x at its place, v- are others of this x, all as vectors by H.
#
# $$ \ell(v, v^+, v^-) = -\log \frac{e^{v v^+ / t}}{e^{v v^+ / t} + \sum_n e^{v v^-_n / t}} $$
# $$ L = L_{GAN}(G, D) + \tfrac{1}{2} L_{NCE}(G, H, x) + \tfrac{1}{2} L_{NCE}(G, H, y) $$
#
# The halves are those of the authors' code. In training, squares take the place of the logs.


def square(d, target):
    return (d - target).square().mean()


def patch_nce(v, keys, t=0.07):
    """For each image a classification: which of the places is mine? (B, places, dim) -> (B,)"""
    logits = v @ keys.mT / t  # (B, places, places); the right answers lie on the diagonal
    right = torch.arange(logits.shape[1], device=v.device).expand(len(v), -1)
    each = F.cross_entropy(logits.flatten(0, 1), right.flatten(), reduction="none")
    return each.view(right.shape).mean(1)


def step(x, y, G, D, H, opt_G, opt_D, n_places=256):
    """One update of D, then one of G and H. x and y: (B, 3, S, S). Returns the terms."""
    maps = G.features(torch.cat([x, y]))  # five, of x and of y
    images = G.finish(maps[-1])  # fake_y, and what G makes of a y: it should stay as it is
    fake_y = images[: len(x)]

    # D minimises its squares, halved. fake_y is detached, so nothing of this reaches G.
    d_real, d_fake = square(D(y), 1), square(D(fake_y.detach()), 0)
    opt_D.zero_grad()
    (0.5 * (d_real + d_fake)).backward()
    opt_D.step()

    # G and H: fool the D that has just learned, and keep each patch recognisable among 256. The
    # keys are targets, so no gradient passes through them. What reaches D's weights is thrown away.
    g_gan = square(D(fake_y), 1)
    places = [torch.randperm(h[0, 0].numel())[:n_places].to(x.device) for h in maps]
    with torch.no_grad():
        keys = H(maps, places)
    pairs = zip(H(G.features(images), places), keys, strict=True)
    nce = sum(patch_nce(v, key) for v, key in pairs) / len(keys)  # (2B,)
    g_nce_x, g_nce_y = nce[: len(x)].mean(), nce[len(x) :].mean()
    opt_G.zero_grad()
    (g_gan + 0.5 * (g_nce_x + g_nce_y)).backward()
    opt_G.step()
    g = {"g_gan": g_gan, "g_nce_x": g_nce_x, "g_nce_y": g_nce_y}
    return g | {"d_real": d_real, "d_fake": d_fake}


class Unpaired(Dataset):
    """An x and a random y, (3, size, size) in [-1, 1], cut out at random and perhaps mirrored."""

    def __init__(self, xs, ys, size):
        self.xs, self.ys, self.size = xs, ys, size

    def __len__(self):
        return len(self.xs)

    def __getitem__(self, i):
        y = self.ys[torch.randint(len(self.ys), ())]
        return self.changed(self.xs[i]), self.changed(y)

    def changed(self, file):
        image = read(file, self.size * 286 // 256)
        top, left = torch.randint(image.shape[-1] - self.size + 1, (2,))
        image = image[:, top : top + self.size, left : left + self.size]
        return image.flip(-1) if torch.rand(()) < 0.5 else image


def read(file, size):
    """(3, size, size) in [-1, 1]."""
    pixels = np.array(Image.open(file).convert("RGB").resize((size, size)))
    return torch.from_numpy(pixels).permute(2, 0, 1) / 127.5 - 1


def files_of(folder):
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in (".png", ".jpg", ".jpeg"))
    assert len(files) > 8, f"{folder} needs at least 9 images, .png or .jpg: 8 are held out"
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="with trainA/ (x) and trainB/ (y)")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--size", type=int, default=64, help="pixels, a multiple of 4; paper: 256")
    parser.add_argument("--width", type=int, default=16, help="channels of layer 1; paper: 64")
    parser.add_argument("--blocks", type=int, default=3, help="residual blocks; paper: 9")
    parser.add_argument("--start", help="the cut.pt of an earlier training, to go on from")
    args = parser.parse_args()
    torch.manual_seed(0)
    xs, ys = files_of(args.folder / "trainA"), files_of(args.folder / "trainB")
    held_x = torch.stack([read(file, args.size) for file in xs[:8]]).to(DEVICE)  # never trained on
    loader = DataLoader(Unpaired(xs[8:], ys[8:], args.size), batch_size=1, shuffle=True)
    nets = {"G": Generator(args.width, args.blocks), "D": PatchGAN(args.width)}
    nets["H"] = Projections(args.width)
    for net in nets.values():
        net.to(DEVICE).apply(init)
    G, D, H = nets.values()
    opt_G, opt_D = adam([*G.parameters(), *H.parameters()]), adam(D.parameters())
    parts = nets | {"opt_G": opt_G, "opt_D": opt_D}
    if args.start:
        saved = torch.load(args.start, DEVICE, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved[name])

    start, steps, done, batches = time.monotonic(), 0, 0.0, iter(())
    while done < 1:
        if (batch := next(batches, None)) is None:  # an epoch is over
            batches = iter(loader)
            batch = next(batches)
        for opt in (opt_G, opt_D):  # in the second half, the learning rate falls to 0
            opt.param_groups[0]["lr"] = 2e-4 * min(1, 2 - 2 * done)
        x, y = (images.to(DEVICE) for images in batch)
        terms = step(x, y, G, D, H, opt_G, opt_D)
        steps, done = steps + 1, (time.monotonic() - start) / (60 * args.minutes)
        if steps % 200 == 0 or done >= 1:
            print(f"{done:4.0%}, step {steps}:", *(f"{k} {v.item():.2f}" for k, v in terms.items()))
            with torch.no_grad():
                rows = [held_x, G(held_x)]
            wall = torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)
            pixels = (127.5 * (wall + 1)).round().byte().permute(1, 2, 0)
            Image.fromarray(pixels.cpu().numpy()).save("cut.png")
            torch.save({name: part.state_dict() for name, part in parts.items()}, "cut.pt")


if __name__ == "__main__":
    main()
