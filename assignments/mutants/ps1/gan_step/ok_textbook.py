"""As in the notebook, with labels, D frozen for G."""

import torch
import torch.nn.functional as F


def gan_step(G, D, opt_G, opt_D, real, z):
    fake = G(z)
    opt_D.zero_grad()
    real_logits, fake_logits = D(real), D(fake.detach())
    d_real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    d_fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    (d_real + d_fake).backward()
    opt_D.step()

    D.requires_grad_(False)
    opt_G.zero_grad()
    fake_logits = D(fake)
    g_gan = F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))
    g_gan.backward()
    opt_G.step()
    D.requires_grad_(True)
    return {"d_loss": (d_real + d_fake).item(), "g_loss": g_gan.item()}
