"""No cycles: one G and one D, from day to night alone."""

import torch
import torch.nn.functional as F
from cyclegan import Generator, PatchGAN, Pool, adam, draw, init, square

STEPS, WIDTH, BLOCKS, RATE = 1750, 16, 3, 2e-4


def train(x, y, seed):
    torch.manual_seed(seed)
    size = x.shape[-1]
    all_x, all_y = [F.interpolate(part.float(), size * 286 // 256).byte() for part in (x, y)]
    G, D = Generator(WIDTH, BLOCKS).apply(init), PatchGAN(WIDTH).apply(init)
    opt_G, opt_D, pool = adam(G.parameters()), adam(D.parameters()), Pool()

    def translate(x):
        return torch.cat([G(one) for one in x.split(1)])

    for i in range(STEPS):
        for opt in (opt_G, opt_D):  # in the second half, the learning rate falls to 0
            opt.param_groups[0]["lr"] = RATE * min(1, 2 - 2 * i / STEPS)
        y, fake = draw(all_y, size), G(draw(all_x, size))
        opt_G.zero_grad()
        square(D(fake), 1).backward()
        opt_G.step()
        opt_D.zero_grad()
        (0.5 * (square(D(y), 1) + square(D(pool.query(fake)), 0))).backward()
        opt_D.step()
        if i % 250 == 249:
            yield translate
