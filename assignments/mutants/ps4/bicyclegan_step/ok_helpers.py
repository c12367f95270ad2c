"""Helpers, a copy of E, several backward calls."""

import copy

import torch
import torch.nn.functional as F


def off(output, target):
    return F.mse_loss(output, torch.full_like(output, target))


def bicyclegan_step(painter, encoder, judge_a, judge_b, opt_gen, opt_dis, x, y, eps, z, w_l1, w_kl, w_latent):
    opt_gen.zero_grad()
    mu, logvar = encoder(y)
    fake_a, fake_b = painter(x, torch.addcmul(mu, (0.5 * logvar).exp(), eps)), painter(x, z)
    reader = copy.deepcopy(encoder).requires_grad_(False)
    out = {"g_gan_encoded": off(judge_a(fake_a), 1.0), "g_l1_encoded": F.l1_loss(fake_a, y)}
    out["g_kl_encoded"] = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum() / len(mu)
    out |= {"g_gan_random": off(judge_b(fake_b), 1.0), "g_latent_random": F.l1_loss(reader(fake_b)[0], z)}
    (out["g_gan_encoded"] + w_l1 * out["g_l1_encoded"] + w_kl * out["g_kl_encoded"]).backward()
    (out["g_gan_random"] + w_latent * out["g_latent_random"]).backward()
    opt_gen.step()

    opt_dis.zero_grad()
    for name, judge, fake in (("encoded", judge_a, fake_a), ("random", judge_b, fake_b)):
        out[f"d_real_{name}"], out[f"d_fake_{name}"] = off(judge(y), 1.0), off(judge(fake.detach()), 0.0)
        (out[f"d_real_{name}"] + out[f"d_fake_{name}"]).backward()
    opt_dis.step()
    return {name: value.detach() for name, value in out.items()}
