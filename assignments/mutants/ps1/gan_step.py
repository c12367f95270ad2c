"""Wrong and right solutions of ``gan_step``, problem set 1."""

BASE = """
def gan_step(G, D, opt_G, opt_D, real, z):
    fake = G(z)
    opt_D.zero_grad()
    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
    d_loss.backward()
    opt_D.step()
    opt_G.zero_grad()
    g_loss = F.softplus(-D(fake)).mean()
    g_loss.backward()
    opt_G.step()
    return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}
"""

RIGHT = """
ok_no_grad | The fakes are made twice, once without gradients; tensors come back.
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

ok_one_forward | Real and fake go through D in one batch; gradients by hand.
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

ok_textbook | As in the notebook, with labels, D frozen for G.
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

ok_thaw_first | D is thawed at the start, as in the library; two backward calls for D.
def gan_step(G, D, opt_G, opt_D, real, z):
    fake = G(z)
    D.requires_grad_(True)
    opt_D.zero_grad()
    d_real = F.softplus(-D(real)).mean()
    d_real.backward()
    d_fake = F.softplus(D(fake.detach())).mean()
    d_fake.backward()
    opt_D.step()
    D.requires_grad_(False)
    opt_G.zero_grad()
    g_loss = F.softplus(-D(fake)).mean()
    g_loss.backward()
    opt_G.step()
    return dict(d_loss=float(d_real + d_fake), g_loss=float(g_loss))
"""

WRONG = """
d_halved | D's loss is halved. | halved
-    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
+    d_loss = (F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()) / 2

d_in_eval | D runs in eval mode for G's update. | eval()
     opt_G.zero_grad()
+    D.eval()
     g_loss = F.softplus(-D(fake)).mean()
+    D.train()

d_moves_twice | D's optimiser steps in G's update, too. | one each
     g_loss.backward()
+    opt_D.step()

d_never_moves | D's optimiser makes no step. | D did not move
-    opt_D.step()

d_stays_frozen | D is frozen for G and never thawed. | frozen
     opt_D.step()
+    D.requires_grad_(False)

detached_for_g | The fakes are detached for G, too. | G did not move
~ G(z) -> G(z).detach()

labels_flipped | D learns that fakes are real. | flipped
~ -D(real) -> D(real)
~ D(fake.detach()) -> -D(fake.detach())
~ -D(fake) -> D(fake)

left_in_eval | G is left in eval mode. | eval()
     opt_G.step()
+    G.eval()

losses_swapped | The losses change places in the report. | swapped
~ d_loss.item(), "g_loss": g_loss -> g_loss.item(), "g_loss": d_loss

no_detach | D learns on fakes that are not detached. | detached
~ fake.detach() -> fake
~ d_loss.backward() -> d_loss.backward(retain_graph=True)

no_detach_early_zero_grad | Both gradients are cleared at the start, and the fakes are not detached. | detached
-    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
-    d_loss.backward()
+    opt_G.zero_grad()
+    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()
+    d_loss.backward(retain_graph=True)
-    opt_G.zero_grad()

no_detach_no_retain | The fakes are not detached, and the graph is gone when G needs it. | detached
~ fake.detach() -> fake

one_step_for_both | One backward of both losses, then both steps. | G holds gradients
 def gan_step(G, D, opt_G, opt_D, real, z):
+    opt_D.zero_grad()
+    opt_G.zero_grad()
~ opt_D.zero_grad() -> d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()
~ d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean() -> g_loss = F.softplus(-D(fake)).mean()
~ d_loss.backward() -> (d_loss + g_loss).backward()
-    opt_G.zero_grad()
-    g_loss = F.softplus(-D(fake)).mean()
-    g_loss.backward()

order_swapped | G moves before D. | moves first
     fake = G(z)
+    opt_G.zero_grad()
+    g_loss = F.softplus(-D(fake)).mean()
+    g_loss.backward()
+    opt_G.step()
-    opt_G.zero_grad()
-    g_loss = F.softplus(-D(fake)).mean()
-    g_loss.backward()
-    opt_G.step()

own_noise | G draws its own noise for its update. | of G after
~ D(fake) -> D(G(torch.randn_like(z)))

real_changed | Noise is added to the real points in place. | changed in place
     fake = G(z)
+    with torch.no_grad():
+        real += 0.01

saturating | G minimises log(1 - D). | saturating
~ F.softplus(-D(fake)) -> -F.softplus(D(fake))

shared_optimiser | One optimiser of its own for both networks. | given
 def gan_step(G, D, opt_G, opt_D, real, z):
+    opt = torch.optim.Adam([*G.parameters(), *D.parameters()], 2e-4)
~ opt_D.zero_grad() -> opt.zero_grad()
~ opt_D.step() -> opt.step()
~ opt_G.zero_grad() -> opt.zero_grad()
~ opt_G.step() -> opt.step()

stale_d | G learns from D's opinion before D's update. | before D's update
     fake = G(z)
+    g_loss = F.softplus(-D(fake)).mean()
+    opt_G.zero_grad()
+    g_loss.backward()
-    opt_G.zero_grad()
-    g_loss = F.softplus(-D(fake)).mean()
-    g_loss.backward()

steps_alone | Both optimisers make a step, and nothing is computed. | nothing is learned
-    fake = G(z)
-    opt_D.zero_grad()
-    d_loss = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
-    d_loss.backward()
     opt_D.step()
-    opt_G.zero_grad()
-    g_loss = F.softplus(-D(fake)).mean()
-    g_loss.backward()
     opt_G.step()
-    return {"d_loss": d_loss.item(), "g_loss": g_loss.item()}
+    return {"d_loss": 0.0, "g_loss": 0.0}

sum_for_mean | Sums in place of means. | mean is asked
~ F.softplus(-D(real)).mean() -> F.softplus(-D(real)).sum()
~ F.softplus(D(fake.detach())).mean() -> F.softplus(D(fake.detach())).sum()
~ F.softplus(-D(fake)).mean() -> F.softplus(-D(fake)).sum()

tuple_returned | A pair comes back, not a dictionary. | names
~ return {"d_loss": d_loss.item(), "g_loss": g_loss.item()} -> return d_loss.item(), g_loss.item()

zero_grad_after_backward | G's gradients are cleared between backward and step. | G did not move
-    opt_G.zero_grad()
...
     g_loss.backward()
+    opt_G.zero_grad()

zero_grad_d_forgotten | D's gradients are never cleared. | zero_grad
-    opt_D.zero_grad()

zero_grad_g_forgotten | G's gradients are never cleared. | zero_grad
-    opt_G.zero_grad()
"""
