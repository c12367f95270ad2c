"""CycleGAN in one file (Zhu, Park, Isola, Efros: ICCV 2017): translation without pairs, both ways.

    python cyclegan.py mine --minutes 5

reads images of domain x from mine/trainA/ and of domain y from mine/trainB/. Every 200 steps it
writes cyclegan.pt, from which --start cyclegan.pt goes on after a stop, and cyclegan.png of eight
images of each that it never trains on. From the top: x, its translation, and back to x; y, its
translation, and back to y. At 64 px, five minutes of one core (AMD EPYC, float32) are some 5,800
steps, and houses by day light their windows.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))


def normed(conv, activation):
    return conv, nn.InstanceNorm2d(conv.out_channels), activation


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


class Generator(nn.Sequential):
    """G_xy or G_yx: (B, 3, S, S) -> (B, 3, S, S) in [-1, 1], S a multiple of 4."""

    def __init__(self, c, n_blocks):
        super().__init__(
            *[nn.ReflectionPad2d(3), *normed(nn.Conv2d(3, c, 7), nn.ReLU())],  # c7s1-64
            *normed(nn.Conv2d(c, 2 * c, 3, 2, 1), nn.ReLU()),  # d128
            *normed(nn.Conv2d(2 * c, 4 * c, 3, 2, 1), nn.ReLU()),  # d256: (B, 4c, S/4, S/4)
            *[ResidualBlock(4 * c) for _ in range(n_blocks)],  # R256, nine times
            *normed(nn.ConvTranspose2d(4 * c, 2 * c, 3, 2, 1, 1), nn.ReLU()),  # u128
            *normed(nn.ConvTranspose2d(2 * c, c, 3, 2, 1, 1), nn.ReLU()),  # u64
            *[nn.ReflectionPad2d(3), nn.Conv2d(c, 3, 7), nn.Tanh()],  # c7s1-3
        )


class PatchGAN(nn.Sequential):
    """D_x or D_y: (B, 3, S, S) -> (B, 1, s, s), a number for each patch of 70 x 70 pixels."""

    def __init__(self, c):
        super().__init__(
            *[nn.Conv2d(3, c, 4, 2, 1), nn.LeakyReLU(0.2)],  # C64, without norm
            *normed(nn.Conv2d(c, 2 * c, 4, 2, 1), nn.LeakyReLU(0.2)),  # C128
            *normed(nn.Conv2d(2 * c, 4 * c, 4, 2, 1), nn.LeakyReLU(0.2)),  # C256
            *normed(nn.Conv2d(4 * c, 8 * c, 4, 1, 1), nn.LeakyReLU(0.2)),  # C512
            nn.Conv2d(8 * c, 1, 4, 1, 1),
        )


def init(layer):
    """Weights from N(0, 0.02)."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        nn.init.zeros_(layer.bias)


# ---- Losses, and one step (sections 3 and 4) -----------------------------------------------------
#
# G_xy is the paper's G, and G_yx its F.
#
# $$ L_{GAN}(G_{xy}, D_y) = E_y[\log D_y(y)] + E_x[\log(1 - D_y(G_{xy}(x)))] \quad (1) $$
# $$ L_{cyc} = E_x \| G_{yx}(G_{xy}(x)) - x \|_1 + E_y \| G_{xy}(G_{yx}(y)) - y \|_1 \quad (2) $$
# $$ L = L_{GAN}(G_{xy}, D_y) + L_{GAN}(G_{yx}, D_x) + \lambda L_{cyc}, \; \lambda = 10 \quad (3) $$
#
# In training, squares take the place of the logs, and means that of the norms. So D and G minimise
# $$ E_y[(D_y(y) - 1)^2] + E_x[D_y(G_{xy}(x))^2], \quad E_x[(D_y(G_{xy}(x)) - 1)^2], \; ... $$


def square(d, target):
    return (d - target).square().mean()


class Pool:
    """Up to 50 earlier fakes of a generator: D learns from their history, and so swings less."""

    def __init__(self, size=50):
        self.size, self.images = size, []

    def query(self, fakes):
        """The fakes, detached. Once it is full, half of them change places with older ones."""
        out = []
        for fake in fakes.detach():
            if len(self.images) < self.size:
                self.images.append(fake)
            elif torch.rand(()) < 0.5:
                i = int(torch.randint(self.size, ()))
                fake, self.images[i] = self.images[i], fake
            out.append(fake)
        return torch.stack(out)


def step(x, y, G_xy, G_yx, D_x, D_y, pool_x, pool_y, opt_G, opt_D, lambda_cyc=10.0):
    """One update of both G, then one of both D. x and y: (B, 3, S, S). Returns the terms."""
    fake_y, fake_x = G_xy(x), G_yx(y)
    rec_x, rec_y = G_yx(fake_y), G_xy(fake_x)

    # G_xy and G_yx minimise equation 3 together: to fool D_y and D_x, and to come back. Each cycle
    # moves both, since fake_y and fake_x are not detached. The gradient passes through D, which is
    # not in opt_G; what it leaves in D's weights is thrown away by opt_D.zero_grad() below.
    g_gan_y, g_gan_x = square(D_y(fake_y), 1), square(D_x(fake_x), 1)
    g_forward, g_backward = (rec_x - x).abs().mean(), (rec_y - y).abs().mean()
    opt_G.zero_grad()
    (g_gan_y + g_gan_x + lambda_cyc * (g_forward + g_backward)).backward()
    opt_G.step()

    # D_x and D_y minimise their squares, each for its domain: real images against fakes from the
    # pool, which are detached, so nothing of this reaches a generator. Halved, as in the paper.
    old_x, old_y = pool_x.query(fake_x), pool_y.query(fake_y)
    d_real_x, d_fake_x = square(D_x(x), 1), square(D_x(old_x), 0)
    d_real_y, d_fake_y = square(D_y(y), 1), square(D_y(old_y), 0)
    opt_D.zero_grad()
    (0.5 * (d_real_x + d_fake_x + d_real_y + d_fake_y)).backward()
    opt_D.step()
    g = {"g_gan_y": g_gan_y, "g_gan_x": g_gan_x, "g_forward": g_forward, "g_backward": g_backward}
    d = {"d_real_x": d_real_x, "d_fake_x": d_fake_x, "d_real_y": d_real_y, "d_fake_y": d_fake_y}
    return g | d


def read(folder, size):
    """A folder's images as bytes, (N, 3, size, size)."""
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in (".png", ".jpg", ".jpeg"))
    assert len(files) > 8, f"{folder} needs at least 9 images, .png or .jpg: 8 are held out"
    images = [Image.open(file).convert("RGB").resize((size, size)) for file in files]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def draw(images, size):
    """A random one, (1, 3, size, size) in [-1, 1], cut out of a larger one and perhaps mirrored."""
    image = images[torch.randint(len(images), ())]
    top, left = torch.randint(images.shape[-1] - size + 1, (2,))
    image = image[None, :, top : top + size, left : left + size].to(DEVICE) / 127.5 - 1
    return image.flip(-1) if torch.rand(()) < 0.5 else image


def save_picture(path, rows):
    """Rows of images, each (N, 3, S, S) in [-1, 1], one below the other."""
    wall = torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)  # (3, rows S, N S)
    pixels = (127.5 * (wall + 1)).round().byte().permute(1, 2, 0)
    Image.fromarray(pixels.cpu().numpy()).save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="with trainA/ (x) and trainB/ (y)")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--size", type=int, default=64, help="pixels, a multiple of 4; paper: 256")
    parser.add_argument("--width", type=int, default=16, help="channels of layer 1; paper: 64")
    parser.add_argument("--blocks", type=int, default=3, help="residual blocks; paper: 9")
    parser.add_argument("--start", help="the cyclegan.pt of an earlier training, to go on from")
    args = parser.parse_args()
    torch.manual_seed(0)
    large, (a, b) = args.size * 286 // 256, (args.folder / "trainA", args.folder / "trainB")
    all_x, all_y = read(a, large), read(b, large)
    held_x = torch.cat([draw(all_x[i : i + 1], args.size) for i in range(8)])  # never trained on
    held_y = torch.cat([draw(all_y[i : i + 1], args.size) for i in range(8)])
    Gs = [Generator(args.width, args.blocks).to(DEVICE).apply(init) for _ in range(2)]
    Ds = [PatchGAN(args.width).to(DEVICE).apply(init) for _ in range(2)]
    (G_xy, G_yx), (D_x, D_y), pool_x, pool_y = Gs, Ds, Pool(), Pool()
    opt_G = adam([*G_xy.parameters(), *G_yx.parameters()])
    opt_D = adam([*D_x.parameters(), *D_y.parameters()])
    parts = {"G_xy": G_xy, "G_yx": G_yx, "D_x": D_x, "D_y": D_y, "opt_G": opt_G, "opt_D": opt_D}
    if args.start:
        saved = torch.load(args.start, DEVICE, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved[name])

    start, steps, done = time.monotonic(), 0, 0.0
    while done < 1:
        for opt in (opt_G, opt_D):  # in the second half, the learning rate falls to 0
            opt.param_groups[0]["lr"] = 2e-4 * min(1, 2 - 2 * done)
        x, y = draw(all_x[8:], args.size), draw(all_y[8:], args.size)
        terms = step(x, y, G_xy, G_yx, D_x, D_y, pool_x, pool_y, opt_G, opt_D)
        steps, done = steps + 1, (time.monotonic() - start) / (60 * args.minutes)
        if steps % 200 == 0 or done >= 1:
            print(f"{done:4.0%}, step {steps}:", *(f"{k} {v.item():.2f}" for k, v in terms.items()))
            with torch.no_grad():
                fake_y, fake_x = G_xy(held_x), G_yx(held_y)
                rows = [held_x, fake_y, G_yx(fake_y), held_y, fake_x, G_xy(fake_x)]
            save_picture("cyclegan.png", rows)
            torch.save({name: part.state_dict() for name, part in parts.items()}, "cyclegan.pt")


if __name__ == "__main__":
    main()
