"""01 with the cycle from day to night to day, 2.5 times the learning rate, and fewer updates."""

import torch
import torch.nn.functional as F
from cyclegan import Generator, PatchGAN, Pool, adam, draw, init, square

STEPS, WIDTH, BLOCKS, RATE = 1000, 16, 3, 5e-4


def train(x, y, seed):
    torch.manual_seed(seed)
    size = x.shape[-1]
    all_x, all_y = [F.interpolate(part.float(), size * 286 // 256).byte() for part in (x, y)]
    G_xy, G_yx, D = (net.apply(init) for net in (Generator(WIDTH, BLOCKS), Generator(WIDTH, BLOCKS), PatchGAN(WIDTH)))
    opt_G, pool = adam([*G_xy.parameters(), *G_yx.parameters()]), Pool()
    opt_D = adam(D.parameters())

    def translate(x):
        return torch.cat([G_xy(one) for one in x.split(1)])

    for i in range(STEPS):
        for opt in (opt_G, opt_D):  # in the second half, the learning rate falls to 0
            opt.param_groups[0]["lr"] = RATE * min(1, 2 - 2 * i / STEPS)
        x, y = draw(all_x, size), draw(all_y, size)
        fake = G_xy(x)
        opt_G.zero_grad()
        (square(D(fake), 1) + 10 * (G_yx(fake) - x).abs().mean()).backward()
        opt_G.step()
        opt_D.zero_grad()
        (0.5 * (square(D(y), 1) + square(D(pool.query(fake)), 0))).backward()
        opt_D.step()
        if i % 200 == 199:
            yield translate
