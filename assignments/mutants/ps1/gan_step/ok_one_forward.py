"""Real and fake go through D in one batch; gradients by hand."""

import torch
import torch.nn.functional as F


def gan_step(G, D, opt_G, opt_D, real, z):
    fake = G(z)
    logits = D(torch.cat([real, fake.detach()]))
    d_loss = F.softplus(-logits[: len(real)]).mean() + F.softplus(logits[len(real) :]).mean()
    for p, g in zip(D.parameters(), torch.autograd.grad(d_loss, list(D.parameters())), strict=True):
        p.grad = g
    opt_D.step()
    g_loss = F.softplus(-D(fake)).mean()
    for p, g in zip(G.parameters(), torch.autograd.grad(g_loss, list(G.parameters())), strict=True):
        p.grad = g
    opt_G.step()
    return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}
