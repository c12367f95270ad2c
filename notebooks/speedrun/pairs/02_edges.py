"""Beside L1 and L2 the loss compares differences between neighbours; half the updates of 01."""

import torch
import torch.nn.functional as F
from pix2pix import UNet, draw, init
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS, WIDTH, BATCH, RATE = 1500, 16, 4, 2e-3


def train(x, y, seed):
    torch.manual_seed(seed)
    size = x.shape[-1]
    parts = torch.cat([x, y], dim=1).split(64)  # larger, to cut out of
    pairs = torch.cat([F.interpolate(part.float(), size * 286 // 256).byte() for part in parts])
    G = UNet(size, WIDTH)
    G.apply(init)
    opt_G = torch.optim.Adam(G.parameters(), RATE, (0.5, 0.999))
    mean = AveragedModel(G, multi_avg_fn=get_ema_multi_avg_fn(0.98), use_buffers=True)

    def translate(x):
        mean.eval()
        return torch.cat([mean(some) for some in x.split(8)])

    for i in range(STEPS):
        opt_G.param_groups[0]["lr"] = RATE * min(1, 2 - 2 * i / STEPS)
        x, y = torch.cat([draw(pairs, size) for _ in range(BATCH)]).chunk(2, dim=1)
        off = G(x) - y
        edges = off.diff(dim=2).abs().mean() + off.diff(dim=3).abs().mean()
        loss = off.abs().mean() + 2 * off.square().mean() + 2 * edges
        opt_G.zero_grad(), loss.backward(), opt_G.step()
        mean.update_parameters(G)
        if i % 100 == 99:
            yield translate
