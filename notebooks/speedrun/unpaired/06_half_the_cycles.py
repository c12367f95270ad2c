"""04 with the cycles in every second update only, at twice their weight.

So it makes 1,000 updates, not 750. The mean is of some 50 updates, not 200, and D takes no
gradients from G's update, as in 08.
"""

import copy

import torch
import torch.nn.functional as F
from cyclegan import Generator, PatchGAN, Pool, adam, draw, init, square

STEPS, WIDTH, BLOCKS, RATE = 1000, 16, 3, 5e-4


def train(x, y, seed):
    torch.manual_seed(seed)
    size = x.shape[-1]
    all_x, all_y = [F.interpolate(part.float(), size * 286 // 256).byte() for part in (x, y)]
    G_xy, G_yx = [Generator(WIDTH, BLOCKS).apply(init) for _ in "xy"]
    D_x, D_y = [PatchGAN(WIDTH).apply(init) for _ in "xy"]
    opt_G = adam([*G_xy.parameters(), *G_yx.parameters()])
    opt_D = adam([*D_x.parameters(), *D_y.parameters()])
    pool_x, pool_y, mean = Pool(), Pool(), copy.deepcopy(G_xy)

    def translate(x):
        return torch.cat([mean(one) for one in x.split(1)])

    for i in range(STEPS):
        for opt in (opt_G, opt_D):  # in the second half, the learning rate falls to 0
            opt.param_groups[0]["lr"] = RATE * min(1, 2 - 2 * i / STEPS)
        x, y = draw(all_x, size), draw(all_y, size)
        D_x.requires_grad_(False), D_y.requires_grad_(False)
        fake_y, fake_x = G_xy(x), G_yx(y)
        loss = square(D_y(fake_y), 1) + square(D_x(fake_x), 1)
        if i % 2 == 0:
            cycles = (G_yx(fake_y) - x).abs().mean() + (G_xy(fake_x) - y).abs().mean()
            loss = loss + 20 * cycles
        opt_G.zero_grad()
        loss.backward()
        opt_G.step()
        D_x.requires_grad_(True), D_y.requires_grad_(True)
        old_x, old_y = pool_x.query(fake_x), pool_y.query(fake_y)
        real = square(D_x(x), 1) + square(D_y(y), 1)
        opt_D.zero_grad()
        (0.5 * (real + square(D_x(old_x), 0) + square(D_y(old_y), 0))).backward()
        opt_D.step()
        with torch.no_grad():  # of some 50 updates
            torch._foreach_lerp_([*mean.parameters()], [*G_xy.parameters()], 0.02)
        if i % 125 == 124:
            yield translate
