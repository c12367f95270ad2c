"""G learns from D's opinion before D's update.

message: before D's update
"""

import torch.nn.functional as F


def gan_step(G, D, opt_G, opt_D, real, z):
    fake = G(z)
    g_loss = F.softplus(-D(fake)).mean()
    opt_G.zero_grad()
    g_loss.backward()
    opt_D.zero_grad()
    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
    d_loss.backward()
    opt_D.step()
    opt_G.step()
    return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}
