"""The fakes are made twice, once without gradients; tensors come back."""

import torch
import torch.nn.functional as F


def gan_step(G, D, opt_G, opt_D, real, z):
    with torch.no_grad():
        fake = G(z)
    d_loss = -F.logsigmoid(D(real)).mean() - F.logsigmoid(-D(fake)).mean()
    opt_D.zero_grad(set_to_none=False)
    d_loss.backward()
    opt_D.step()

    g_loss = -F.logsigmoid(D(G(z))).mean()
    G.zero_grad()
    g_loss.backward()
    opt_G.step()
    return {"g_loss": g_loss, "d_loss": d_loss}
