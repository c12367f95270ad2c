"""Wrong and right solutions of ``pix2pix_step``, problem set 2."""

RIGHT = """
ok_plain | As short as it can be.
def pix2pix_step(G, D, opt_G, opt_D, x, y, lambda_l1):
    fake_y = G(x)

    opt_D.zero_grad()
    d_real = F.softplus(-D(torch.cat([x, y], 1))).mean()
    d_fake = F.softplus(D(torch.cat([x, fake_y.detach()], 1))).mean()
    (0.5 * (d_real + d_fake)).backward()
    opt_D.step()

    opt_G.zero_grad()
    g_gan = F.softplus(-D(torch.cat([x, fake_y], 1))).mean()
    g_l1 = (fake_y - y).abs().mean()
    (g_gan + lambda_l1 * g_l1).backward()
    opt_G.step()
    report = {"d_real": d_real, "d_fake": d_fake, "g_gan": g_gan, "g_l1": g_l1}
    return {name: term.item() for name, term in report.items()}

ok_textbook | As in the notebook, with labels and D frozen for G.
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
    report = {"d_real": d_real, "d_fake": d_fake, "g_gan": g_gan, "g_l1": g_l1}
    return {name: term.item() for name, term in report.items()}
"""

WRONG = """
condition_order | D sees y before x. | other order
~ [x, y] -> [y, x]
~ x, fake_y.detach() -> fake_y.detach(), x
~ [x, fake_y] -> [fake_y, x]

d_stays_frozen | D is frozen for G and never thawed. | frozen
+    D.requires_grad_(False)
     opt_G.zero_grad()

lambda_dropped | No weight. | no weight
~ g_gan + lambda_l1 * g_l1 -> g_gan + g_l1

no_detach | D learns on a fake that is not detached. | detached
~ fake_y.detach() -> fake_y
~ (0.5 * (d_real + d_fake)).backward() -> (0.5 * (d_real + d_fake)).backward(retain_graph=True)

one_backward | One backward of all terms, then both steps. | G holds gradients
 def pix2pix_step(G, D, opt_G, opt_D, x, y, lambda_l1):
+    opt_D.zero_grad()
+    opt_G.zero_grad()
-
-    opt_D.zero_grad()
...
-    d_fake = F.softplus(D(torch.cat([x, fake_y.detach()], 1))).mean()
-    (0.5 * (d_real + d_fake)).backward()
+    fake_logits = D(torch.cat([x, fake_y], 1))
+    d_fake, g_gan = F.softplus(fake_logits).mean(), F.softplus(-fake_logits).mean()
+    g_l1 = (fake_y - y).abs().mean()
+    (0.5 * (d_real + d_fake) + g_gan + lambda_l1 * g_l1).backward()
-
-    opt_G.zero_grad()
-    g_gan = F.softplus(-D(torch.cat([x, fake_y], 1))).mean()
-    g_l1 = (fake_y - y).abs().mean()
-    (g_gan + lambda_l1 * g_l1).backward()

skipped_at_0 | The L1 term is not computed where its weight is 0. | bare terms
~ g_l1 = (fake_y - y).abs().mean() -> g_l1 = (fake_y - y).abs().mean() if lambda_l1 else 0 * g_gan

steps_alone | Both optimisers make a step, and nothing is computed. | nothing is learned
-    opt_D.zero_grad()
...
-    (0.5 * (d_real + d_fake)).backward()
...
-    opt_G.zero_grad()
...
-    (g_gan + lambda_l1 * g_l1).backward()

weighted_report | The L1 term comes back with its weight. | with its weight
~ "g_l1": g_l1} -> "g_l1": lambda_l1 * g_l1}
"""
