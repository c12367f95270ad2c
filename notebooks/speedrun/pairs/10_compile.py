"""09, but G is compiled. It ends without an answer: the compiler wants more memory than there is."""

import torch
import torch.nn.functional as F
from pix2pix import UNet, draw, init
from torch import nn

STEPS, WIDTH, BATCH, RATE = 1500, 16, 2, 1e-3


class Adam:
    """As torch's: its means of gradients and of their squares start at 0, which is corrected."""

    def __init__(self, parameters, rate, beta=0.5, gamma=0.999):
        self.p, self.rate, self.beta, self.gamma, self.t = [*parameters], rate, beta, gamma, 0
        self.m, self.v = ([torch.zeros_like(p) for p in self.p] for _ in "mv")

    def zero_grad(self):
        for p in self.p:
            p.grad = None

    @torch.no_grad()
    def step(self):
        self.t, g = self.t + 1, [p.grad for p in self.p]
        torch._foreach_lerp_(self.m, g, 1 - self.beta)
        torch._foreach_mul_(self.v, self.gamma)
        torch._foreach_addcmul_(self.v, g, g, 1 - self.gamma)
        root = torch._foreach_sqrt(self.v)
        torch._foreach_div_(root, (1 - self.gamma**self.t) ** 0.5)
        torch._foreach_add_(root, 1e-8)
        torch._foreach_addcdiv_(self.p, self.m, root, -self.rate / (1 - self.beta**self.t))


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
    G = UNet(8, WIDTH)  # 2**3, and works on larger images
    G.encoder[0] = nn.Conv2d(6, WIDTH, 4, 2, 1, bias=False)
    G.apply(init)
    for layer in G.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    opt_G, compiled = Adam(G.parameters(), RATE), torch.compile(G)

    def translate(x):  # each in the colours of a training house, drawn by seed
        one = torch.Generator().manual_seed(seed)
        drawn = palettes[torch.randint(len(palettes), (len(x),), generator=one)]
        which = torch.searchsorted(kinds, labels((127.5 * x + 127.5).round()))
        painted = [some[w].movedim(-1, 0) for some, w in zip(drawn, which, strict=True)]
        x = torch.cat([x, torch.stack(painted) / 127.5 - 1], dim=1)
        return torch.cat([G(some) for some in x.split(BATCH)])

    for i in range(STEPS):
        opt_G.rate = RATE * min(1, 2 - 2 * i / STEPS)
        x, y = torch.cat([draw(pairs, size) for _ in range(BATCH)]).split([6, 3], dim=1)
        opt_G.zero_grad()
        (compiled(x) - y).abs().mean().backward()
        opt_G.step()
        if i % 250 == 249:
            yield translate
