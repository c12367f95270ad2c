"""BicycleGAN in one file (Zhu and others: NIPS 2017): one image, many translations, by a code z.

    python bicyclegan.py mine --minutes 5

reads images from mine/train/, each x in its left half, y in its right half. Every 200 steps it
writes bicyclegan.pt, from which --start bicyclegan.pt goes on after a stop, and bicyclegan.png of
eight pairs that it never trains on: x, true y, x in the style that E reads from y, and in four
random styles. At 64 px, 5 minutes of one core (AMD EPYC) are 5,600 steps.
"""

import argparse
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))
Z = 8  # numbers in a code


class UNet(nn.Module):
    """G(x, z): (B, 3, S, S), (B, Z) -> (B, 3, S, S). pix2pix's, but layers down see z, as maps."""

    def __init__(self, size, c):
        super().__init__()
        width = [c * min(2**i, 8) for i in range(int(np.log2(size)))]  # 64 128 256 512 512 ...
        self.encoder = nn.ModuleList([nn.Conv2d(3 + Z, c, 4, 2, 1)])
        for c_in, c_out in pairwise(width):  # (B, c_in + Z, s, s) -> (B, c_out, s/2, s/2)
            conv = nn.Conv2d(c_in + Z, c_out, 4, 2, 1)
            self.encoder.append(nn.Sequential(nn.LeakyReLU(0.2), conv, nn.InstanceNorm2d(c_out)))
        self.encoder[-1].pop(2)  # normalised, the one pixel would be 0
        self.decoder = nn.ModuleList()
        for i, (c_in, c_out) in enumerate(pairwise(reversed(width))):  # back, s -> 2s
            conv = nn.ConvTranspose2d(c_in if i == 0 else 2 * c_in, c_out, 4, 2, 1)
            dropout = [nn.Dropout(0.5)] if 1 <= i <= 3 else []
            self.decoder.append(nn.Sequential(nn.ReLU(), conv, nn.InstanceNorm2d(c_out), *dropout))
        to_image = nn.ConvTranspose2d(2 * c, 3, 4, 2, 1)
        self.decoder.append(nn.Sequential(nn.ReLU(), to_image, nn.Tanh()))

    def forward(self, x, z):
        maps = [x]
        for layer in self.encoder:
            z_maps = z[:, :, None, None].expand(-1, -1, *maps[-1].shape[2:])
            maps.append(layer(torch.cat([maps[-1], z_maps], dim=1)))
        h = self.decoder[0](maps.pop())  # (B, 8c, 1, 1) -> (B, 8c, 2, 2)
        for layer in self.decoder[1:]:
            h = layer(torch.cat([h, maps.pop()], dim=1))
        return h


class Encoder(nn.Module):
    """E(y): (B, 3, S, S) -> mu and logvar of z, (B, Z) each, by residual blocks down to 8 x 8."""

    def __init__(self, size, c):
        super().__init__()
        width = [c * min(i + 1, 4) for i in range(int(np.log2(size)) - 3)]  # 64 128 192 256 256
        blocks = [HalvingBlock(c_in, c_out) for c_in, c_out in pairwise(width)]
        self.layers = nn.Sequential(nn.Conv2d(3, c, 4, 2, 1), *blocks, nn.LeakyReLU(0.2))
        self.mu, self.logvar = nn.Linear(width[-1], Z), nn.Linear(width[-1], Z)

    def forward(self, y):
        h = self.layers(y).mean((2, 3))
        return self.mu(h), self.logvar(h)


class HalvingBlock(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        norm, leaky, half = nn.InstanceNorm2d(c_in), nn.LeakyReLU(0.2), nn.AvgPool2d(2)
        first, second = nn.Conv2d(c_in, c_in, 3, 1, 1), nn.Conv2d(c_in, c_out, 3, 1, 1)
        self.layers = nn.Sequential(norm, leaky, first, norm, leaky, second, half)
        self.shortcut = nn.Sequential(half, nn.Conv2d(c_in, c_out, 1))

    def forward(self, h):
        return self.shortcut(h) + self.layers(h)


class PatchGANs(nn.Module):
    """D(y): (B, 3, S, S) -> two maps (B, 1, s, s), for patches of 70 and of 140 pixels."""

    def __init__(self, c):
        super().__init__()
        self.shrink = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.scales = nn.ModuleList()
        for _ in range(2):
            layers = [nn.Conv2d(3, c, 4, 2, 1), nn.LeakyReLU(0.2)]
            for k, stride in ((c, 2), (2 * c, 2), (4 * c, 1)):
                conv = nn.Conv2d(k, 2 * k, 4, stride, 1)
                layers += [conv, nn.InstanceNorm2d(2 * k), nn.LeakyReLU(0.2)]
            self.scales.append(nn.Sequential(*layers, nn.Conv2d(8 * c, 1, 4, 1, 1)))

    def forward(self, y):
        return self.scales[0](y), self.scales[1](self.shrink(y))


def init(layer):
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_normal_(layer.weight, 0.02)  # the gain of the authors' code
        nn.init.zeros_(layer.bias)


# ---- Losses, and one step (section 3) ------------------------------------------------------------
#
# Two cycles: y -> z -> y with z from E(y), and z -> y -> z with z from N(0, I). Each has its own D.
#
# $$ L_1^{VAE}(G, E) = E_{x,y,z} \| y - G(x, z) \|_1, \quad L_{KL}(E) = E_y[KL(E(y) \| N(0, I))] $$
# $$ L_1^{latent}(G, E) = E_{x,z} \| z - E(G(x, z)) \|_1 $$
# $$ G^*, E^* = \arg \min_{G,E} \max_D L_{GAN}^{VAE}(G, D, E) + \lambda L_1^{VAE}(G, E)
#    + \lambda_{KL} L_{KL}(E) + L_{GAN}(G, D) + \lambda_{latent} L_1^{latent}(G, E) $$


def square(maps, target):
    """Least squares in the place of the logs, summed over the maps of a D."""
    return sum((d - target).square().mean() for d in maps)


def step(
    x, y, G, E, D_encoded, D_random, opt_G, opt_D, lambda_l1=10.0, lambda_kl=0.01, lambda_latent=0.5
):
    """One update of G and E by opt_G, then one of both D. x and y: (B, 3, S, S). Returns terms."""
    mu, logvar = E(y)
    z_encoded = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
    z_random = torch.randn_like(mu)
    fake_encoded, fake_random = G(x, z_encoded), G(x, z_random)

    # y -> z -> y: GAN and L1 move G and, through z_encoded, E. KL moves E.
    gan_encoded = square(D_encoded(fake_encoded), 1)
    l1_encoded = (fake_encoded - y).abs().mean()
    kl_encoded = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(1).mean()

    # z -> y -> z: both terms move G alone. If E learned here, too, the two could agree to hide z
    # where nobody sees it. E is frozen while it reads, and the gradient passes through it to G.
    gan_random = square(D_random(fake_random), 1)
    E.requires_grad_(False)
    latent_random = (E(fake_random)[0] - z_random).abs().mean()
    E.requires_grad_(True)

    # The gradients left in both D on the way are thrown away by opt_D.zero_grad() below.
    cycle_encoded = gan_encoded + lambda_l1 * l1_encoded + lambda_kl * kl_encoded
    opt_G.zero_grad()
    (cycle_encoded + gan_random + lambda_latent * latent_random).backward()
    opt_G.step()

    # Each D learns to tell real images from its cycle's fakes. Detached: nothing reaches G or E.
    d = {"d_real_encoded": square(D_encoded(y), 1), "d_real_random": square(D_random(y), 1)}
    d["d_fake_encoded"] = square(D_encoded(fake_encoded.detach()), 0)
    d["d_fake_random"] = square(D_random(fake_random.detach()), 0)
    opt_D.zero_grad()
    sum(d.values()).backward()
    opt_D.step()
    g = {"g_gan_encoded": gan_encoded, "g_l1_encoded": l1_encoded, "g_kl_encoded": kl_encoded}
    return g | {"g_gan_random": gan_random, "g_latent_random": latent_random} | d


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="with train/, of images of x beside y")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--size", type=int, default=64, help="pixels, a power of two; paper: 256")
    parser.add_argument("--width", type=int, default=16, help="channels of layer 1; paper: 64")
    parser.add_argument("--start", help="the bicyclegan.pt of an earlier training, to go on from")
    args = parser.parse_args()
    torch.manual_seed(0)
    found = (args.folder / "train").iterdir()
    files = sorted(f for f in found if f.suffix.lower() in (".png", ".jpg", ".jpeg"))
    assert len(files) > 8, f"{args.folder} needs at least 9 images, .png or .jpg: 8 are held out"
    wide, box = (2 * args.size, args.size), Image.BOX  # which lets nothing of x into y
    images = np.stack([Image.open(f).convert("RGB").resize(wide, box) for f in files])
    pairs = torch.from_numpy(images).permute(0, 3, 1, 2)  # bytes, (N, 3, size, 2 size)
    held_x, held_y = (pairs[:8].to(DEVICE) / 127.5 - 1).chunk(2, dim=3)  # never trained on
    nets = {"G": UNet(args.size, args.width), "E": Encoder(args.size, args.width)}
    nets |= {"D_encoded": PatchGANs(args.width), "D_random": PatchGANs(args.width)}
    G, E, *Ds = [net.to(DEVICE).apply(init) for net in nets.values()]
    opt_G, opt_D = (adam(nn.ModuleList(both).parameters()) for both in ([G, E], Ds))
    parts = nets | {"opt_G": opt_G, "opt_D": opt_D}
    if args.start:
        saved = torch.load(args.start, DEVICE, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    start, steps, done = time.monotonic(), 0, 0.0
    while done < 1:
        for opt in (opt_G, opt_D):  # in the second half, the learning rate falls to 0
            opt.param_groups[0]["lr"] = 2e-4 * min(1, 2 - 2 * done)
        pair = pairs[torch.randint(8, len(pairs), (1,))].to(DEVICE) / 127.5 - 1
        terms = step(*pair.chunk(2, dim=3), G, E, *Ds, opt_G, opt_D)
        steps, done = steps + 1, (time.monotonic() - start) / (60 * args.minutes)
        if steps % 200 == 0 or done >= 1:
            print(f"{done:4.0%}, step {steps}:", *(f"{k} {v.item():.2f}" for k, v in terms.items()))
            G.eval()  # without dropout
            with torch.no_grad():
                styles = E(held_y)[0], *torch.randn(4, 1, Z, device=DEVICE).expand(-1, 8, -1)
                rows = [held_x, held_y, *(G(held_x, z) for z in styles)]
            wall = torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)
            pixels = (127.5 * (wall + 1)).round().byte().permute(1, 2, 0)
            Image.fromarray(pixels.cpu().numpy()).save("bicyclegan.png")
            G.train()
            torch.save({name: part.state_dict() for name, part in parts.items()}, "bicyclegan.pt")


if __name__ == "__main__":
    main()
