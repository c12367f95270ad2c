"""Wrong and right solutions of ``bicyclegan_step``, problem set 4."""

RIGHT = """
ok_textbook | As in the notebook.
def bicyclegan_step(
    G, E, D_encoded, D_random, opt_G, opt_D, x, y, eps, z, lambda_l1, lambda_kl, lambda_latent
):
    mu, logvar = E(y)
    encoded = G(x, mu + (logvar / 2).exp() * eps)
    random = G(x, z)

    opt_G.zero_grad()
    E.requires_grad_(False)
    rec_z, _ = E(random)
    E.requires_grad_(True)
    terms = {
        "g_gan_encoded": (D_encoded(encoded) - 1).square().mean(),
        "g_l1_encoded": (encoded - y).abs().mean(),
        "g_kl_encoded": 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1).mean(),
        "g_gan_random": (D_random(random) - 1).square().mean(),
        "g_latent_random": (rec_z - z).abs().mean(),
    }
    weights = [1, lambda_l1, lambda_kl, 1, lambda_latent]
    loss_G = sum(w * term for w, term in zip(weights, terms.values(), strict=True))
    loss_G.backward()
    opt_G.step()

    opt_D.zero_grad()
    d = {
        "d_real_encoded": (D_encoded(y) - 1).square().mean(),
        "d_fake_encoded": D_encoded(encoded.detach()).square().mean(),
        "d_real_random": (D_random(y) - 1).square().mean(),
        "d_fake_random": D_random(random.detach()).square().mean(),
    }
    sum(d.values()).backward()
    opt_D.step()
    return {name: term.item() for name, term in (terms | d).items()}

ok_autograd | Gradients by torch.autograd.grad.
def bicyclegan_step(
    G, E, D_encoded, D_random, opt_G, opt_D, x, y, eps, z, lambda_l1, lambda_kl, lambda_latent
):
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
        grads = torch.autograd.grad(loss, params, retain_graph=True)
        for p, grad in zip(params, grads, strict=True):
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
"""

WRONG = """
code_detached | The encoded code is detached. | code detached
~ mu + (logvar / 2).exp() -> mu.detach() + (logvar / 2).exp().detach()

e_stays_frozen | E is frozen for good. | frozen
-    E.requires_grad_(True)

judges_swapped | The discriminators change places. | change places
~ D_encoded(encoded) -> D_random(encoded)
~ D_random(random) -> D_encoded(random)
~ D_encoded(y) -> D_random(y)
~ D_encoded(encoded.detach()) -> D_random(encoded.detach())
~ D_random(y) -> D_encoded(y)
~ D_random(random.detach()) -> D_encoded(random.detach())

kl_mean | KL as a mean over everything. | code's numbers
~ sum(1).mean() -> mean()

l1_random | L1 of the random branch. | random fake
~ encoded - y -> random - y

latent_moves_e | E learns from the latent loss. | G's alone
-    E.requires_grad_(False)
...
-    E.requires_grad_(True)

no_eps | The encoded code is mu. | eps
~ G(x, mu + (logvar / 2).exp() * eps) -> G(x, mu)

steps_alone | Both optimisers make a step, and nothing is learned. | nothing is learned
-    loss_G.backward()
...
-    sum(d.values()).backward()
"""
