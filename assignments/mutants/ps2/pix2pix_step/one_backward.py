"""One backward of all terms, then both steps.

message: G holds gradients
"""

import torch
import torch.nn.functional as F


def pix2pix_step(G, D, opt_G, opt_D, x, y, lambda_l1):
    opt_D.zero_grad()
    opt_G.zero_grad()
    fake_y = G(x)
    d_real = F.softplus(-D(torch.cat([x, y], 1))).mean()
    fake_logits = D(torch.cat([x, fake_y], 1))
    d_fake, g_gan = F.softplus(fake_logits).mean(), F.softplus(-fake_logits).mean()
    g_l1 = (fake_y - y).abs().mean()
    (0.5 * (d_real + d_fake) + g_gan + lambda_l1 * g_l1).backward()
    opt_D.step()
    opt_G.step()
    return {"d_real": d_real.item(), "d_fake": d_fake.item(), "g_gan": g_gan.item(), "g_l1": g_l1.item()}
