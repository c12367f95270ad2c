"""Wrong and right solutions of ``bicyclegan_step``, problem set 4."""

RIGHT = """
ok_textbook | As in the notebook.
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

ok_helpers | Helpers, a copy of E, several backward calls.
import copy


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
"""

WRONG = """
code_detached | The encoded code is detached. | code detached
~ mu + (logvar / 2).exp() -> mu.detach() + (logvar / 2).exp().detach()

d_first | The discriminators move first. | moves first
     random = G(x, z)
+
+    opt_D.zero_grad()
+    d = {
+        "d_real_encoded": (D_encoded(y) - 1).square().mean(),
+        "d_fake_encoded": D_encoded(encoded.detach()).square().mean(),
+        "d_real_random": (D_random(y) - 1).square().mean(),
+        "d_fake_random": D_random(random.detach()).square().mean(),
+    }
+    sum(d.values()).backward()
+    opt_D.step()
-
-    opt_D.zero_grad()
-    d = {
-        "d_real_encoded": (D_encoded(y) - 1).square().mean(),
-        "d_fake_encoded": D_encoded(encoded.detach()).square().mean(),
-        "d_real_random": (D_random(y) - 1).square().mean(),
-        "d_fake_random": D_random(random.detach()).square().mean(),
-    }
-    sum(d.values()).backward()
-    opt_D.step()

d_moves_twice | opt_D makes two steps. | one each
     opt_D.step()
+    opt_D.step()

d_never_moves | opt_D makes no step. | discriminators
-    opt_D.step()

e_in_eval | E reads the random fake in eval mode. | eval()
     E.requires_grad_(False)
+    E.eval()
     rec_z, _ = E(random)
+    E.train()

e_stays_frozen | E is frozen for good. | frozen
-    E.requires_grad_(True)

flipped | Labels flipped. | flipped
~ (D_encoded(encoded) - 1) -> D_encoded(encoded)
~ (D_random(random) - 1) -> D_random(random)
~ (D_encoded(y) - 1) -> D_encoded(y)
~ D_encoded(encoded.detach()) -> (D_encoded(encoded.detach()) - 1)
~ (D_random(y) - 1) -> D_random(y)
~ D_random(random.detach()) -> (D_random(random.detach()) - 1)

halved | The discriminators' loss is halved. | halved
~ sum(d.values()) -> (sum(d.values()) / 2)

judges_swapped | The discriminators change places. | change places
~ D_encoded(encoded) -> D_random(encoded)
~ D_random(random) -> D_encoded(random)
~ D_encoded(y) -> D_random(y)
~ D_encoded(encoded.detach()) -> D_random(encoded.detach())
~ D_random(y) -> D_encoded(y)
~ D_random(random.detach()) -> D_encoded(random.detach())

kl_mean | KL as a mean over everything. | code's numbers
~ sum(1).mean() -> mean()

kl_sign | The sign of KL. | sign of KL
~ lambda_kl, 1 -> -lambda_kl, 1

l1_random | L1 of the random branch. | random fake
~ encoded - y -> random - y

l2 | Squares. | squared
~ (encoded - y).abs() -> (encoded - y).square()
~ (rec_z - z).abs() -> (rec_z - z).square()

latent_moves_e | E learns from the latent loss. | G's alone
-    E.requires_grad_(False)
...
-    E.requires_grad_(True)

no_detach | The fakes are not detached for D. | detached
~ loss_G.backward() -> loss_G.backward(retain_graph=True)
~ encoded.detach() -> encoded
~ random.detach() -> random

no_detach_no_retain | The fakes are not detached. | detached
~ encoded.detach() -> encoded
~ random.detach() -> random

no_eps | The encoded code is mu. | eps
~ G(x, mu + (logvar / 2).exp() * eps) -> G(x, mu)

no_gan | No GAN terms. | GAN loss is missing
~ 1, lambda_l1, lambda_kl, 1 -> 0, lambda_l1, lambda_kl, 0

no_kl | No KL. | KL is missing
~ lambda_kl, 1 -> 0, 1

no_l1 | No L1. | L1 is missing
~ 1, lambda_l1 -> 1, 0

no_latent | No latent loss. | latent loss is missing
~ 1, lambda_latent -> 1, 0

no_random_gan | The random fake is not judged for G. | random branch
~ lambda_kl, 1 -> lambda_kl, 0

nothing_returned | Nothing comes back. | names
-    return {name: term.item() for name, term in (terms | d).items()}

one_d | One D for both fakes. | discriminator
~ D_random(random) -> D_encoded(random)
~ D_random(y) -> D_encoded(y)
~ D_random(random.detach()) -> D_encoded(random.detach())

steps_alone | Both optimisers make a step, and nothing is learned. | nothing is learned
-    loss_G.backward()
...
-    sum(d.values()).backward()

sums | Sums. | sum where a mean
~ (D_encoded(encoded) - 1).square().mean() -> (D_encoded(encoded) - 1).square().sum()
~ (encoded - y).abs().mean() -> (encoded - y).abs().sum()
~ (D_random(random) - 1).square().mean() -> (D_random(random) - 1).square().sum()
~ (rec_z - z).abs().mean() -> (rec_z - z).abs().sum()
~ (D_encoded(y) - 1).square().mean() -> (D_encoded(y) - 1).square().sum()
~ D_encoded(encoded.detach()).square().mean() -> D_encoded(encoded.detach()).square().sum()
~ (D_random(y) - 1).square().mean() -> (D_random(y) - 1).square().sum()
~ D_random(random.detach()).square().mean() -> D_random(random.detach()).square().sum()

weighted_report | A weighted report. | with its weight
     opt_D.step()
+    terms["g_l1_encoded"] = lambda_l1 * terms["g_l1_encoded"]

weights_dropped | No weights. | weights are missing
~ lambda_l1, lambda_kl, 1, lambda_latent -> 1, 1, 1, 1

zero_grad_d_forgotten | opt_D.zero_grad is missing. | zero_grad
-    opt_D.zero_grad()

zero_grad_g_forgotten | opt_G.zero_grad is missing. | zero_grad
-    opt_G.zero_grad()
"""
