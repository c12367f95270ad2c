"""Squares.

message: squared
"""


def bicyclegan_step(G, E, D_encoded, D_random, opt_G, opt_D, x, y, eps, z, lambda_l1, lambda_kl, lambda_latent):
    mu, logvar = E(y)
    encoded = G(x, mu + (logvar / 2).exp() * eps)
    random = G(x, z)

    opt_G.zero_grad()
    E.requires_grad_(False)
    rec_z, _ = E(random)
    E.requires_grad_(True)
    terms = {
        "g_gan_encoded": (D_encoded(encoded) - 1).square().mean(),
        "g_l1_encoded": (encoded - y).square().mean(),
        "g_kl_encoded": 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1).mean(),
        "g_gan_random": (D_random(random) - 1).square().mean(),
        "g_latent_random": (rec_z - z).square().mean(),
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
