"""26 at 8 px in place of 16."""

import copy

import torch
import torch.nn.functional as F
from pix2pix import UNet, draw, init
from torch import nn

STEPS, WIDTH, BATCH, RATE = 850, 8, 8, 1e-3


class Small(UNet):
    """What it adds to a small image can be enlarged."""

    def forward(self, x):
        return x + super().forward(x)


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


def train(x, y, seed):
    torch.manual_seed(seed)
    parts = torch.cat([x, y], dim=1).split(64)  # larger, to cut out of
    pairs = torch.cat([F.interpolate(part.float(), (9, 9), mode="area").byte() for part in parts])
    G = Small(4, WIDTH)
    G.apply(init)
    for layer in G.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    opt_G = Adam(G.parameters(), RATE)
    mean = copy.deepcopy(G)

    def translate(x):
        small = F.avg_pool2d(x, 16)
        added = torch.cat([mean(some) - some for some in small.split(BATCH)])
        return x + F.interpolate(added, scale_factor=16, mode="bilinear")

    for i in range(STEPS):
        opt_G.rate = RATE * min(1, 2 - 2 * i / STEPS)  # falls in the second half
        x, y = torch.cat([draw(pairs, 8) for _ in range(BATCH)]).chunk(2, dim=1)
        opt_G.zero_grad()
        (G(x) - y).square().mean().backward()
        opt_G.step()
        with torch.no_grad():  # of some 50 updates
            torch._foreach_lerp_([*mean.parameters()], [*G.parameters()], 0.02)
        if i % 50 == 49:
            yield translate
