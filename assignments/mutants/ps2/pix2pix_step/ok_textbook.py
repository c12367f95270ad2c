"""As in the notebook, with labels and D frozen for G."""

import torch
import torch.nn.functional as F


def pix2pix_step(G, D, opt_G, opt_D, x, y, lambda_l1):
    fake_y = G(x)
    opt_D.zero_grad()
    real, fake = D(torch.cat([x, y], 1)), D(torch.cat([x, fake_y.detach()], 1))
    d_real = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    d_fake = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    (0.5 * (d_real + d_fake)).backward()
    opt_D.step()

    D.requires_grad_(False)
    opt_G.zero_grad()
    fake = D(torch.cat([x, fake_y], 1))
    g_gan = F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
    g_l1 = (fake_y - y).abs().mean()
    (g_gan + lambda_l1 * g_l1).backward()
    opt_G.step()
    D.requires_grad_(True)
    return {"d_real": d_real.item(), "d_fake": d_fake.item(), "g_gan": g_gan.item(), "g_l1": g_l1.item()}
