"""Gradients by torch.autograd.grad, for the generators alone."""

import torch


def cyclegan_step(G_xy, G_yx, D_x, D_y, opt_G, opt_D, pool_x, pool_y, x, y, lambda_cycle, lambda_identity):
    fake_y, fake_x = G_xy(x), G_yx(y)
    g = {
        "g_gan_y": (D_y(fake_y) - 1).pow(2).mean(),
        "g_gan_x": (D_x(fake_x) - 1).pow(2).mean(),
        "g_forward": (x - G_yx(fake_y)).abs().mean(),
        "g_backward": (y - G_xy(fake_x)).abs().mean(),
        "g_identity_y": (y - G_xy(y)).abs().mean(),
        "g_identity_x": (x - G_yx(x)).abs().mean(),
    }
    weights = [1, 1, lambda_cycle, lambda_cycle, lambda_identity, lambda_identity]
    learn(opt_G, sum(w * term for w, term in zip(weights, g.values(), strict=True)))
    d = {}
    for name, D, real, fake in (("y", D_y, y, pool_y.query(fake_y)), ("x", D_x, x, pool_x.query(fake_x))):
        outputs = D(torch.cat([real, fake]))
        d[f"d_real_{name}"] = (outputs[: len(real)] - 1).square().mean()
        d[f"d_fake_{name}"] = outputs[len(real) :].square().mean()
    learn(opt_D, sum(d.values()) / 2)
    return {name: term.item() for name, term in (g | d).items()}


def learn(optimiser, loss):
    params = [p for group in optimiser.param_groups for p in group["params"]]
    for p, grad in zip(params, torch.autograd.grad(loss, params), strict=True):
        p.grad = grad
    optimiser.step()
