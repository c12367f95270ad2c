"""Gradients by torch.autograd.grad."""

import torch


def bicyclegan_step(G, E, D_encoded, D_random, opt_G, opt_D, x, y, eps, z, lambda_l1, lambda_kl, lambda_latent):
    mu, logvar = E(y)
    fake_e, fake_r = G(torch.cat([x, x]), torch.cat([mu + torch.exp(logvar / 2) * eps, z])).chunk(2)
    g = {
        "g_gan_encoded": (1 - D_encoded(fake_e)).pow(2).mean(),
        "g_l1_encoded": abs(y - fake_e).mean(),
        "g_kl_encoded": ((mu**2 + logvar.exp() - logvar - 1) / 2).sum(1).mean(),
        "g_gan_random": (1 - D_random(fake_r)).pow(2).mean(),
        "g_latent_random": abs(z - E(fake_r)[0]).mean(),
    }
    own = g["g_gan_encoded"] + lambda_l1 * g["g_l1_encoded"] + lambda_kl * g["g_kl_encoded"]
    both = own + g["g_gan_random"] + lambda_latent * g["g_latent_random"]
    for net, loss in ((G, both), (E, own)):
        params = list(net.parameters())
        for p, grad in zip(params, torch.autograd.grad(loss, params, retain_graph=True), strict=True):
            p.grad = grad
    opt_G.step()
    opt_D.zero_grad()
    d = {}
    for name, D, fake in (("encoded", D_encoded, fake_e), ("random", D_random, fake_r)):
        outputs = D(torch.cat([y, fake.detach()]))
        d[f"d_real_{name}"] = (outputs[: len(y)] - 1).square().mean()
        d[f"d_fake_{name}"] = outputs[len(y) :].square().mean()
    sum(d.values()).backward()
    opt_D.step()
    return {name: float(term.detach()) for name, term in (g | d).items()}
