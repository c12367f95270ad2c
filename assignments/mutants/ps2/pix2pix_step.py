"""Wrong and right solutions of ``pix2pix_step``, problem set 2."""

BASE = """
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
    return {"d_real": d_real.item(), "d_fake": d_fake.item(), "g_gan": g_gan.item(), "g_l1": g_l1.item()}
"""

RIGHT = """
ok_helpers | Helpers of its own, two backward calls for D, tensors in the report.
from torch import nn


def judge(D, x, y):
    return D(torch.cat((x, y), dim=1))


def cost(logits, target):
    return nn.BCEWithLogitsLoss()(logits, logits.new_full(logits.shape, target))


def pix2pix_step(gen, disc, optimizer_gen, optimizer_disc, x, y, weight):
    with torch.no_grad():
        fake = gen(x)
    disc.zero_grad()
    real_term, fake_term = cost(judge(disc, x, y), 1.0), cost(judge(disc, x, fake), 0.0)
    (real_term / 2).backward()
    (fake_term / 2).backward()
    optimizer_disc.step()

    gen.zero_grad()
    fake = gen(x)
    gan, l1 = cost(judge(disc, x, fake), 1.0), F.l1_loss(fake, y)
    gan.backward(retain_graph=True)
    (weight * l1).backward()
    optimizer_gen.step()
    return {"d_real": real_term.detach(), "d_fake": fake_term.detach(), "g_gan": gan.detach(), "g_l1": l1.detach()}

ok_one_forward | Both pairs go through D in one batch; D thawed at the start.
def pix2pix_step(G, D, opt_G, opt_D, x, y, lambda_l1):
    D.requires_grad_(True)
    fake_y = G(x)
    pairs = torch.cat([torch.cat([x, y], 1), torch.cat([x, fake_y.detach()], 1)])
    real, fake = D(pairs).chunk(2)
    terms = {"d_real": -F.logsigmoid(real).mean(), "d_fake": -F.logsigmoid(-fake).mean()}
    opt_D.zero_grad(set_to_none=False)
    torch.mean(torch.stack(list(terms.values()))).backward()
    opt_D.step()

    D.requires_grad_(False)
    opt_G.zero_grad(set_to_none=False)
    terms["g_gan"] = -F.logsigmoid(D(torch.cat([x, fake_y], 1))).mean()
    terms["g_l1"] = F.l1_loss(fake_y, y)
    torch.add(terms["g_gan"], terms["g_l1"], alpha=lambda_l1).backward()
    opt_G.step()
    return {name: term.item() for name, term in terms.items()}

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
    return {"d_real": d_real.item(), "d_fake": d_fake.item(), "g_gan": g_gan.item(), "g_l1": g_l1.item()}
"""

WRONG = """
condition_order | D sees y before x. | other order
~ [x, y] -> [y, x]
~ x, fake_y.detach() -> fake_y.detach(), x
~ [x, fake_y] -> [fake_y, x]

d_moves_twice | D's optimiser steps in G's update, too. | one each
     (g_gan + lambda_l1 * g_l1).backward()
+    opt_D.step()

d_never_moves | D's optimiser makes no step. | D did not move
-    opt_D.step()

d_stays_frozen | D is frozen for G and never thawed. | frozen
+    D.requires_grad_(False)
     opt_G.zero_grad()

detached_for_g | The fake is detached for G, too. | GAN term
~ [x, fake_y] -> [x, fake_y.detach()]

fake_without_grad | The fake is made without gradients. | did not move
-    fake_y = G(x)
+    with torch.no_grad():
+        fake_y = G(x)

l2 | The squared distance. | squared
~ abs() -> square()

labels_flipped | D learns that fakes are real. | flipped
~ -D(torch.cat([x, y], 1)) -> D(torch.cat([x, y], 1))
~ D(torch.cat([x, fake_y.detach()], 1)) -> -D(torch.cat([x, fake_y.detach()], 1))
~ -D(torch.cat([x, fake_y], 1)) -> D(torch.cat([x, fake_y], 1))

lambda_100 | The weight of the paper, fixed. | fixed
~ lambda_l1 * g_l1 -> 100.0 * g_l1

lambda_dropped | No weight. | no weight
~ g_gan + lambda_l1 * g_l1 -> g_gan + g_l1

left_in_eval | D is left in eval mode. | eval()
     opt_G.step()
+    D.eval()

no_condition | D sees y alone. | condition
~ torch.cat([x, y], 1) -> y
~ torch.cat([x, fake_y.detach()], 1) -> fake_y.detach()
~ torch.cat([x, fake_y], 1) -> fake_y

no_detach | D learns on a fake that is not detached. | detached
~ fake_y.detach() -> fake_y
~ (0.5 * (d_real + d_fake)).backward() -> (0.5 * (d_real + d_fake)).backward(retain_graph=True)

no_detach_early_zero_grad | Not detached, and both gradients are cleared at the start. | detached
     opt_D.zero_grad()
+    opt_G.zero_grad()
~ fake_y.detach() -> fake_y
~ (0.5 * (d_real + d_fake)).backward() -> (0.5 * (d_real + d_fake)).backward(retain_graph=True)
-    opt_G.zero_grad()

no_detach_no_retain | Not detached, and the graph is gone when G needs it. | detached
~ fake_y.detach() -> fake_y

no_gan | G does not listen to D. | GAN term
~ g_gan + lambda_l1 -> lambda_l1

not_halved | D's loss is not halved. | halved
~ (0.5 * (d_real + d_fake)) -> (d_real + d_fake)

nothing_returned | Nothing comes back. | names
-    return {"d_real": d_real.item(), "d_fake": d_fake.item(), "g_gan": g_gan.item(), "g_l1": g_l1.item()}

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

order_swapped | G moves before D. | moves first
+    opt_G.zero_grad()
+    g_gan = F.softplus(-D(torch.cat([x, fake_y], 1))).mean()
+    g_l1 = (fake_y - y).abs().mean()
+    (g_gan + lambda_l1 * g_l1).backward()
+    opt_G.step()
     opt_D.zero_grad()
...
-    opt_G.zero_grad()
-    g_gan = F.softplus(-D(torch.cat([x, fake_y], 1))).mean()
-    g_l1 = (fake_y - y).abs().mean()
-    (g_gan + lambda_l1 * g_l1).backward()
-    opt_G.step()

real_pair_wrong | The fake pair of D has the true picture. | weights of
~ fake_y.detach() -> y

report_names | Other names in the report. | names
~ "d_real" -> "real"
~ "d_fake" -> "fake"

report_swapped | Two terms change places in the report. | places
~ d_real.item(), "d_fake": d_fake -> d_fake.item(), "d_fake": d_real

saturating | The saturating form. | saturating
~ F.softplus(-D(torch.cat([x, fake_y], 1))) -> -F.softplus(D(torch.cat([x, fake_y], 1)))

shared_optimiser | One optimiser of its own for both networks. | given
 def pix2pix_step(G, D, opt_G, opt_D, x, y, lambda_l1):
+    opt = torch.optim.Adam([*G.parameters(), *D.parameters()], 2e-4, (0.5, 0.999))
~ opt_D.zero_grad() -> opt.zero_grad()
~ opt_D.step() -> opt.step()
~ opt_G.zero_grad() -> opt.zero_grad()
~ opt_G.step() -> opt.step()

stale_d | G's loss is taken from D before D's update. | before D's update
+    opt_G.zero_grad()
+    g_gan = F.softplus(-D(torch.cat([x, fake_y], 1))).mean()
+    g_l1 = (fake_y - y).abs().mean()
+    (g_gan + lambda_l1 * g_l1).backward()
     opt_D.zero_grad()
...
-    opt_G.zero_grad()
-    g_gan = F.softplus(-D(torch.cat([x, fake_y], 1))).mean()
-    g_l1 = (fake_y - y).abs().mean()
-    (g_gan + lambda_l1 * g_l1).backward()

steps_alone | Both optimisers make a step, and nothing is computed. | nothing is learned
-    opt_D.zero_grad()
...
-    (0.5 * (d_real + d_fake)).backward()
...
-    opt_G.zero_grad()
...
-    (g_gan + lambda_l1 * g_l1).backward()

sum_for_mean | Sums in place of means. | mean is asked
~ F.softplus(-D(torch.cat([x, y], 1))).mean() -> F.softplus(-D(torch.cat([x, y], 1))).sum()
~ F.softplus(D(torch.cat([x, fake_y.detach()], 1))).mean() -> F.softplus(D(torch.cat([x, fake_y.detach()], 1))).sum()
~ F.softplus(-D(torch.cat([x, fake_y], 1))).mean() -> F.softplus(-D(torch.cat([x, fake_y], 1))).sum()
~ abs().mean() -> abs().sum()

weighted_report | The L1 term comes back with its weight. | with its weight
~ g_l1.item() -> lambda_l1 * g_l1.item()

zero_grad_d_forgotten | D's gradients are never cleared. | zero_grad
-    opt_D.zero_grad()

zero_grad_g_forgotten | G's gradients are never cleared. | zero_grad
-    opt_G.zero_grad()
"""
