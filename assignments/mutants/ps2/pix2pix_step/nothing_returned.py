"""Nothing comes back.

message: names
"""

import torch
import torch.nn.functional as F


def pix2pix_step(G, D, opt_G, opt_D, x, y, lambda_l1):
    fake_y = G(x)

    opt_D.zero_grad()
    d_real = F.softplus(-D(torch.cat([x, y], 1))).mean()
    d_fake = F.softplus(D(torch.cat([x, fake_y.detach()], 1))).mean()
    (0.5 * (d_real + d_fake)).backward()
    opt_D.step()

    opt_G.zero_grad()
    g_gan = F.softplus(-D(torch.cat([x, fake_y], 1))).mean()
    g_l1 = (fake_y - y).abs().mean()
    (g_gan + lambda_l1 * g_l1).backward()
    opt_G.step()
