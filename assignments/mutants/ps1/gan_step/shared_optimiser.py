"""One optimiser of its own for both networks.

message: given
"""

import torch
import torch.nn.functional as F


def gan_step(G, D, opt_G, opt_D, real, z):
    opt = torch.optim.Adam([*G.parameters(), *D.parameters()], 2e-4)
    fake = G(z)
    opt.zero_grad()
    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
    d_loss.backward()
    opt.step()
    opt.zero_grad()
    g_loss = F.softplus(-D(fake)).mean()
    g_loss.backward()
    opt.step()
    return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}
