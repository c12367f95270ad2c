"""MUNIT in one file (Huang, Liu, Belongie, Kautz: ECCV 2018): many translations, without pairs.

    python munit.py mine --minutes 10

reads images of domain x from mine/trainA/ and of y from mine/trainB/. Every 100 steps it writes
munit.pt, from which --start munit.pt goes on after a stop, and munit.png of eight x and eight y
that it never trains on. From the top: x, x in three random styles, y, x in the style of the y above
it, y in three random styles. The paper's networks: --size 256 --width 64 --blocks 4.
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
adam = partial(torch.optim.Adam, lr=1e-4, betas=(0.5, 0.999), weight_decay=1e-4)
Z = 8  # numbers in a style


def conv(c_in, c_out, kernel, stride=1):
    """Padding and convolution, (B, c_in, s, s) -> (B, c_out, s / stride, s / stride)."""
    return nn.ReflectionPad2d((kernel - stride + 1) // 2), nn.Conv2d(c_in, c_out, kernel, stride)


def stem(c, norm):
    """(B, 3, S, S) -> (B, 4c, S/4, S/4)."""
    return (
        *[*conv(3, c, 7), norm(c), nn.ReLU()],  # c7s1-64
        *[*conv(c, 2 * c, 4, 2), norm(2 * c), nn.ReLU()],  # d128
        *[*conv(2 * c, 4 * c, 4, 2), norm(4 * c), nn.ReLU()],  # d256
    )


class ResidualBlock(nn.Module):
    """Rk: h + two 3x3 convolutions of h, each with instance norm, (B, k, s, s) -> (B, k, s, s).

    In a decoder the norms are AdaIN: numbers, (B, 4, k), bring each map's new spread and mean.
    """

    def __init__(self, k):
        super().__init__()
        self.first, self.last = nn.Sequential(*conv(k, k, 3)), nn.Sequential(*conv(k, k, 3))

    def forward(self, h, numbers=None):
        adain = (1, 0, 1, 0) if numbers is None else numbers[..., None, None].unbind(1)
        gamma, beta, last_gamma, last_beta = adain
        inner = F.relu(gamma * F.instance_norm(self.first(h)) + beta)
        return h + (last_gamma * F.instance_norm(self.last(inner)) + last_beta)


class Encoder(nn.Module):
    """E_x or E_y: (B, 3, S, S) -> content, (B, 4c, S/4, S/4), and style, (B, Z).

    Two networks. The style's has no norm: instance norm takes mean and variance out of the maps,
    and they carry the style.
    """

    def __init__(self, c, n_blocks, n_halvings):
        super().__init__()
        blocks = [ResidualBlock(4 * c) for _ in range(n_blocks)]  # R256, four times
        self.content = nn.Sequential(*stem(c, nn.InstanceNorm2d), *blocks)
        more = [(*conv(4 * c, 4 * c, 4, 2), nn.ReLU()) for _ in range(n_halvings - 2)]
        mean = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * c, Z)]
        self.style = nn.Sequential(*stem(c, nn.Identity), *sum(more, ()), *mean)

    def forward(self, image):
        return self.content(image), self.style(image)


class Decoder(nn.Module):
    """G_x or G_y: content and style -> (B, 3, S, S) in [-1, 1]. The style acts by AdaIN alone."""

    def __init__(self, c, n_blocks):
        super().__init__()
        self.shape = n_blocks, 4, 4 * c  # of what AdaIN needs: gamma, beta, twice for each block
        hidden = nn.Linear(Z, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()
        self.mlp = nn.Sequential(*hidden, nn.Linear(256, n_blocks * 4 * 4 * c))
        self.blocks, up = nn.ModuleList(ResidualBlock(4 * c) for _ in range(n_blocks)), []
        for k in (2 * c, c):  # u128, u64. Layer norm: instance norm would take the style out again
            up += [nn.Upsample(scale_factor=2), *conv(2 * k, k, 5), nn.GroupNorm(1, k), nn.ReLU()]
        self.up = nn.Sequential(*up, *conv(c, 3, 7), nn.Tanh())  # c7s1-3

    def forward(self, content, style):
        numbers = self.mlp(style).unflatten(1, self.shape)
        for block, of_block in zip(self.blocks, numbers.unbind(1), strict=True):
            content = block(content, of_block)
        return self.up(content)


class PatchGANs(nn.Module):
    """D_x or D_y: (B, 3, S, S) -> maps (B, 1, s, s), at 256 px for patches of 46, 92 and 184."""

    def __init__(self, c, n_halvings, n_scales):
        super().__init__()
        self.scales = nn.ModuleList()
        for _ in range(n_scales):
            layers = []
            for c_in, c_out in pairwise([3, *(c * 2**i for i in range(n_halvings))]):
                layers += [*conv(c_in, c_out, 4, 2), nn.LeakyReLU(0.2)]  # d64 d128 d256 d512
            self.scales.append(nn.Sequential(*layers, nn.Conv2d(c_out, 1, 1)))

    def forward(self, image):
        maps = []
        for scale in self.scales:
            maps.append(scale(image))
            image = F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)
        return maps


def init(layer, draw=nn.init.kaiming_normal_):
    """He's rule for encoders and decoders, N(0, 0.02) for each D."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        draw(layer.weight)
        nn.init.zeros_(layer.bias)


init_D = partial(init, draw=partial(nn.init.normal_, std=0.02))


# ---- Losses, and one step (section 3) ------------------------------------------------------------
#
# c_x, s_x = E_x(x), c_y, s_y = E_y(y), and s is drawn from N(0, I). Before a norm, E is a mean.
#
# $$ L_{image}^x = E_x \| G_x(c_x, s_x) - x \|_1 \quad (1) $$
# $$ L_{content}^x = E_{x,s} \| {E}_y^c(G_y(c_x, s)) - c_x \|_1 \quad (2) $$
# $$ L_{style}^y = E_{x,s} \| {E}_y^s(G_y(c_x, s)) - s \|_1 \quad (3) $$
# $$ L_{GAN}^y = E_{x,s}[\log(1 - D_y(G_y(c_x, s)))] + E_y[\log D_y(y)] \quad (4) $$
#
# and the same with x and y exchanged. E and G minimise the sum of all eight, with 10 times those of
# images (5), and D maximises it. In training, squares take the place of the logs.


def square(maps, target):  # summed over the scales of a D
    return sum((d - target).square().mean() for d in maps)


def l1(one, other):
    return (one - other).abs().mean()


def step(x, y, E_x, E_y, G_x, G_y, D_x, D_y, opt_G, opt_D, lambda_image=10.0):
    """One update of both D, then one of all E and G. x and y: (B, 3, S, S). Returns the terms."""
    (c_x, s_x), (c_y, s_y) = E_x(x), E_y(y)
    new_x, new_y = torch.randn_like(s_x), torch.randn_like(s_y)

    # Each decoder makes two images, in one batch: a translation of the other domain's content in a
    # random style, and its own domain's image again.
    fake_y, rec_y = G_y(torch.cat([c_x, c_y]), torch.cat([new_y, s_y])).chunk(2)
    fake_x, rec_x = G_x(torch.cat([c_y, c_x]), torch.cat([new_x, s_x])).chunk(2)

    # Each D learns to tell real images from fakes. Detached: nothing of this reaches an E or a G.
    d = {"d_real_x": square(D_x(x), 1), "d_fake_x": square(D_x(fake_x.detach()), 0)}
    d |= {"d_real_y": square(D_y(y), 1), "d_fake_y": square(D_y(fake_y.detach()), 0)}
    opt_D.zero_grad()
    sum(d.values()).backward()
    opt_D.step()

    # All E and G learn together: to fool the D that have just learned, to rebuild an image, and to
    # find in a translation the content and the style that it was made of. No E is frozen for that,
    # unlike BicycleGAN's. What reaches D's weights is thrown away by opt_D.zero_grad().
    gan = {"g_gan_x": square(D_x(fake_x), 1), "g_gan_y": square(D_y(fake_y), 1)}
    (found_c_x, found_s_y), (found_c_y, found_s_x) = E_y(fake_y), E_x(fake_x)
    image = {"g_image_x": l1(rec_x, x), "g_image_y": l1(rec_y, y)}
    content = {"g_content_x": l1(found_c_x, c_x), "g_content_y": l1(found_c_y, c_y)}
    style = {"g_style_x": l1(found_s_x, new_x), "g_style_y": l1(found_s_y, new_y)}
    loss = sum((gan | content | style).values()) + lambda_image * sum(image.values())
    opt_G.zero_grad()
    loss.backward()
    opt_G.step()
    return gan | image | content | style | d


class Unpaired(Dataset):
    """An x and a random y, (3, size, size) in [-1, 1], cut out at random and perhaps mirrored."""

    def __init__(self, xs, ys, size):
        self.xs, self.ys, self.size = xs, ys, size

    def __len__(self):
        return len(self.xs)

    def __getitem__(self, i):
        files = self.xs[i], self.ys[torch.randint(len(self.ys), ())]
        images = (read(file, self.size, torch.rand(2).tolist()) for file in files)
        return tuple(image.flip(-1) if torch.rand(()) < 0.5 else image for image in images)


def read(file, size, centering=(0.5, 0.5)):
    """The largest square there, as (3, size, size) in [-1, 1]: the middle, or at (across, down)."""
    image = ImageOps.fit(Image.open(file).convert("RGB"), (size, size), centering=centering)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 127.5 - 1


def files_of(folder):
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in (".png", ".jpg", ".jpeg"))
    assert len(files) > 8, f"{folder} needs at least 9 images, .png or .jpg: 8 are held out"
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="with trainA/ (x) and trainB/ (y)")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--size", type=int, default=64, help="pixels, a multiple of 4; paper: 256")
    parser.add_argument("--width", type=int, default=16, help="channels of layer 1; paper: 64")
    parser.add_argument("--blocks", type=int, default=3, help="residual blocks; paper: 4")
    parser.add_argument("--lr", type=float, default=4e-4, help="learning rate; paper: 1e-4")
    parser.add_argument("--start", help="the munit.pt of an earlier training, to go on from")
    args = parser.parse_args()
    torch.manual_seed(0)
    xs, ys = files_of(args.folder / "trainA"), files_of(args.folder / "trainB")
    both = [torch.stack([read(f, args.size) for f in files[:8]]) for files in (xs, ys)]
    held_x, held_y = (images.to(DEVICE) for images in both)  # never trained on
    loader = DataLoader(Unpaired(xs[8:], ys[8:], args.size), batch_size=1, shuffle=True)
    n = 4 if args.size > 64 else 3  # halvings of a style's encoder and of a D, at n - 1 scales
    Es = [Encoder(args.width, args.blocks, n).to(DEVICE).apply(init) for _ in range(2)]
    Gs = [Decoder(args.width, args.blocks).to(DEVICE).apply(init) for _ in range(2)]
    Ds = [PatchGANs(args.width, n, n - 1).to(DEVICE).apply(init_D) for _ in range(2)]
    (E_x, E_y), (G_x, G_y), nets = Es, Gs, [*Es, *Gs, *Ds]
    opt_G, opt_D = adam(nn.ModuleList(Es + Gs).parameters()), adam(nn.ModuleList(Ds).parameters())
    names = ("E_x", "E_y", "G_x", "G_y", "D_x", "D_y", "opt_G", "opt_D")
    parts = dict(zip(names, [*nets, opt_G, opt_D], strict=True))
    if args.start:
        saved = torch.load(args.start, DEVICE, weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(saved[name])
    styles = torch.randn(3, 1, Z, device=DEVICE).expand(-1, 8, -1)

    start, steps, done, batches = time.monotonic(), 0, 0.0, iter(())
    while done < 1:
        if (batch := next(batches, None)) is None:  # an epoch is over
            batches = iter(loader)
            batch = next(batches)
        for opt in (opt_G, opt_D):  # in the second half, the learning rate falls to 0
            opt.param_groups[0]["lr"] = args.lr * min(1, 2 - 2 * done)
        terms = step(*(images.to(DEVICE) for images in batch), *nets, opt_G, opt_D)
        steps, done = steps + 1, (time.monotonic() - start) / (60 * args.minutes)
        if steps % 100 == 0 or done >= 1:
            print(f"{done:4.0%}, step {steps}:", *(f"{k} {v.item():.2f}" for k, v in terms.items()))
            with torch.no_grad():
                (c_x, _), (c_y, s_y) = E_x(held_x), E_y(held_y)
                rows = [held_x, *(G_y(c_x, s) for s in styles), held_y, G_y(c_x, s_y)]
                rows += [G_x(c_y, s) for s in styles]
            wall = torch.cat([torch.cat([*row], dim=2) for row in rows], dim=1)
            pixels = (127.5 * (wall + 1)).round().byte().permute(1, 2, 0)
            Image.fromarray(pixels.cpu().numpy()).save("munit.png")
            torch.save({name: part.state_dict() for name, part in parts.items()}, "munit.pt")


if __name__ == "__main__":
    main()
