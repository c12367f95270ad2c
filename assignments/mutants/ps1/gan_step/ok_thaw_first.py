"""D is thawed at the start, as in the library; two backward calls for D."""

import torch.nn.functional as F


def gan_step(G, D, opt_G, opt_D, real, z):
    fake = G(z)
    D.requires_grad_(True)
    opt_D.zero_grad()
    d_real = F.softplus(-D(real)).mean()
    d_real.backward()
    d_fake = F.softplus(D(fake.detach())).mean()
    d_fake.backward()
    opt_D.step()
    D.requires_grad_(False)
    opt_G.zero_grad()
    g_loss = F.softplus(-D(fake)).mean()
    g_loss.backward()
    opt_G.step()
    return dict(d_loss=float(d_real + d_fake), g_loss=float(g_loss))
