"""05 with Muon for G's inner layers, with 1,250 updates."""

import torch
import torch.nn.functional as F
from pix2pix import UNet, adam, draw, init
from torch import nn

STEPS, WIDTH, BATCH, RATE = 1250, 16, 2, 1e-3


class Muon:
    """Momentum, and of each layer's step all singular values made alike (Jordan and others)."""

    def __init__(self, weights):
        self.weights = [*weights]
        self.means = [torch.zeros_like(w) for w in self.weights]

    @torch.no_grad()
    def step(self, rate):
        for w, mean in zip(self.weights, self.means, strict=True):
            mean.lerp_(w.grad, 0.05)
            some = torch.lerp(w.grad, mean, 0.95).flatten(1)
            wide = some if some.shape[0] <= some.shape[1] else some.T
            wide = wide / (wide.norm() + 1e-7)
            for _ in range(5):  # Newton and Schulz
                square = wide @ wide.T
                wide = 3.4445 * wide + (-4.775 * square + 2.0315 * square @ square) @ wide
            wide = wide if some.shape[0] <= some.shape[1] else wide.T
            w.add_(wide.view_as(w), alpha=-0.2 * rate * max(some.shape) ** 0.5)
            w.grad = None


def labels(x):
    """One number for each colour of a label map (..., 3, h, w): (..., h, w)."""
    return (x.int() * torch.tensor([65536, 256, 1]).int().view(3, 1, 1)).sum(-3)


def palette(which, house, n):
    """The mean colour of a house under each of its labels, (n, 3); nan where it has none."""
    sums = torch.zeros(n, 3).index_add_(0, which.flatten(), house.flatten(1).T.float())
    return sums / torch.bincount(which.flatten(), minlength=n)[:, None]


def train(x, y, seed):
    torch.manual_seed(seed)
    size, large = x.shape[-1], x.shape[-1] * 286 // 256  # to cut out of
    pairs = torch.empty(len(x), 9, large, large, dtype=torch.uint8)
    kinds, palettes = labels(x[:200]).unique(), []
    for i, (map, house) in enumerate(zip(x, y, strict=True)):
        which = torch.searchsorted(kinds, labels(map))
        palettes.append(palette(which, house, len(kinds)))
        painted = palettes[-1][which].movedim(-1, 0).byte()
        pairs[i] = F.interpolate(torch.cat([map, painted, house])[None].float(), large)[0]
    palettes = torch.stack(palettes)
    palettes = torch.where(palettes.isnan(), palettes.nanmean(0), palettes)  # as others have it
    G = UNet(16, WIDTH)  # 2**4, and works on larger images
    G.encoder[0] = nn.Conv2d(6, WIDTH, 4, 2, 1, bias=False)
    G.apply(init)
    for layer in G.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    inner = [p for p in G.parameters() if p.dim() == 4][1:-1]  # not the first and the last
    known = {id(p) for p in inner}
    opt_G = adam([p for p in G.parameters() if id(p) not in known])
    muon = Muon(inner)

    def translate(x):  # each in the colours of a training house, drawn by seed
        one = torch.Generator().manual_seed(seed)
        drawn = palettes[torch.randint(len(palettes), (len(x),), generator=one)]
        which = torch.searchsorted(kinds, labels((127.5 * x + 127.5).round()))
        painted = [some[w].movedim(-1, 0) for some, w in zip(drawn, which, strict=True)]
        x = torch.cat([x, torch.stack(painted) / 127.5 - 1], dim=1)
        return torch.cat([G(some) for some in x.split(BATCH)])

    for i in range(STEPS):
        opt_G.param_groups[0]["lr"] = RATE * min(1, 2 - 2 * i / STEPS)
        x, y = torch.cat([draw(pairs, size) for _ in range(BATCH)]).split([6, 3], dim=1)
        opt_G.zero_grad()
        (G(x) - y).abs().mean().backward()
        opt_G.step(), muon.step(opt_G.param_groups[0]["lr"])
        if i % 250 == 249:
            yield translate
