"""One backward of both losses, then both steps.

message: G holds gradients
"""

import torch.nn.functional as F


def gan_step(G, D, opt_G, opt_D, real, z):
    opt_D.zero_grad()
    opt_G.zero_grad()
    fake = G(z)
    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()
    g_loss = F.softplus(-D(fake)).mean()
    (d_loss + g_loss).backward()
    opt_D.step()
    opt_G.step()
    return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}
