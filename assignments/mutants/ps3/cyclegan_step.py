"""Wrong and right solutions of ``cyclegan_step``, problem set 3."""

RIGHT = """
ok_textbook | As in the notebook.
def far(a, b):
    return (a - b).abs().mean()


def cyclegan_step(G_xy, G_yx, D_x, D_y, opt_G, opt_D, pool_x, pool_y, x, y, lambda_cycle, lambda_identity):
    fake_y, fake_x = G_xy(x), G_yx(y)
    D_x.requires_grad_(False)
    D_y.requires_grad_(False)
    opt_G.zero_grad()
    terms = {
        "g_gan_y": (D_y(fake_y) - 1).square().mean(),
        "g_gan_x": (D_x(fake_x) - 1).square().mean(),
        "g_forward": far(G_yx(fake_y), x),
        "g_backward": far(G_xy(fake_x), y),
        "g_identity_y": far(G_xy(y), y),
        "g_identity_x": far(G_yx(x), x),
    }
    loss_G = terms["g_gan_y"] + terms["g_gan_x"]
    loss_G = loss_G + lambda_cycle * (terms["g_forward"] + terms["g_backward"])
    loss_G = loss_G + lambda_identity * (terms["g_identity_y"] + terms["g_identity_x"])
    loss_G.backward()
    opt_G.step()

    D_x.requires_grad_(True)
    D_y.requires_grad_(True)
    opt_D.zero_grad()
    old_x, old_y = pool_x.query(fake_x), pool_y.query(fake_y)
    d = {
        "d_real_y": (D_y(y) - 1).square().mean(),
        "d_fake_y": D_y(old_y).square().mean(),
        "d_real_x": (D_x(x) - 1).square().mean(),
        "d_fake_x": D_x(old_x).square().mean(),
    }
    (0.5 * sum(d.values())).backward()
    opt_D.step()
    return {name: term.item() for name, term in (terms | d).items()}

ok_autograd | Gradients by torch.autograd.grad, for the generators alone.
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

ok_helpers | Helpers of its own, no freezing, several backward calls, tensors in the report.
def off(output, target):
    return F.mse_loss(output, torch.full_like(output, target))


def cyclegan_step(A, B, judge_a, judge_b, opt_gen, opt_dis, store_a, store_b, a, b, w_cycle, w_identity):
    opt_gen.zero_grad(set_to_none=False)
    made_b, made_a = A(a), B(b)
    gan_b, gan_a = off(judge_b(made_b), 1.0), off(judge_a(made_a), 1.0)
    forward, backward = F.l1_loss(B(made_b), a), F.l1_loss(A(made_a), b)
    same_b, same_a = F.l1_loss(A(b), b), F.l1_loss(B(a), a)
    (gan_b + gan_a).backward(retain_graph=True)
    (w_cycle * forward + w_cycle * backward).backward()
    (w_identity * same_b + w_identity * same_a).backward()
    opt_gen.step()

    opt_dis.zero_grad()
    out = {"g_gan_y": gan_b, "g_gan_x": gan_a, "g_forward": forward, "g_backward": backward}
    out |= {"g_identity_y": same_b, "g_identity_x": same_a}
    for k, judge, real, fake in (("x", judge_a, a, store_a.query(made_a)), ("y", judge_b, b, store_b.query(made_b))):
        out[f"d_real_{k}"], out[f"d_fake_{k}"] = off(judge(real), 1.0), off(judge(fake.detach()), 0.0)
        ((out[f"d_real_{k}"] + out[f"d_fake_{k}"]) / 2).backward()
    opt_dis.step()
    return {name: value.detach() for name, value in out.items()}

ok_pools_first | The pools are asked before the generators move; networks clear their gradients.
from torch import nn

l1, l2 = nn.L1Loss(), nn.MSELoss()


def cyclegan_step(G_xy, G_yx, D_x, D_y, opt_G, opt_D, pool_x, pool_y, x, y, lambda_cycle, lambda_identity):
    fake_y, fake_x = G_xy(x), G_yx(y)
    old_y, old_x = pool_y.query(fake_y.detach()), pool_x.query(fake_x.detach())
    of_y, of_x = D_y(fake_y), D_x(fake_x)
    gan = {"g_gan_y": l2(of_y, of_y.new_ones(of_y.shape)), "g_gan_x": l2(of_x, of_x.new_ones(of_x.shape))}
    cycle = {"g_forward": l1(G_yx(fake_y), x), "g_backward": l1(G_xy(fake_x), y)}
    identity = {"g_identity_y": l1(G_xy(y), y), "g_identity_x": l1(G_yx(x), x)}
    G_xy.zero_grad()
    G_yx.zero_grad()
    loss = sum(gan.values()) + lambda_cycle * sum(cycle.values()) + lambda_identity * sum(identity.values())
    loss.backward()
    opt_G.step()
    D_x.zero_grad()
    D_y.zero_grad()
    d = {"d_real_y": ((1 - D_y(y)) ** 2).mean(), "d_fake_y": (D_y(old_y) ** 2).mean()}
    d |= {"d_real_x": ((1 - D_x(x)) ** 2).mean(), "d_fake_x": (D_x(old_x) ** 2).mean()}
    (sum(d.values()) / 2).backward()
    opt_D.step()
    return {name: float(term.detach()) for name, term in (gan | cycle | identity | d).items()}
"""

WRONG = """
cycle_cut | The fakes are detached on their way back. | on its way back
~ G_yx(fake_y) -> G_yx(fake_y.detach())
~ G_xy(fake_x) -> G_xy(fake_x.detach())

d_first | The discriminators are updated before the generators. | moves first
     fake_y, fake_x = G_xy(x), G_yx(y)
+    opt_D.zero_grad()
+    old_x, old_y = pool_x.query(fake_x), pool_y.query(fake_y)
+    d = {
+        "d_real_y": (D_y(y) - 1).square().mean(),
+        "d_fake_y": D_y(old_y).square().mean(),
+        "d_real_x": (D_x(x) - 1).square().mean(),
+        "d_fake_x": D_x(old_x).square().mean(),
+    }
+    (0.5 * sum(d.values())).backward()
+    opt_D.step()
+
...
     opt_G.step()
-
...
-    opt_D.zero_grad()
-    old_x, old_y = pool_x.query(fake_x), pool_y.query(fake_y)
-    d = {
-        "d_real_y": (D_y(y) - 1).square().mean(),
-        "d_fake_y": D_y(old_y).square().mean(),
-        "d_real_x": (D_x(x) - 1).square().mean(),
-        "d_fake_x": D_x(old_x).square().mean(),
-    }
-    (0.5 * sum(d.values())).backward()
-    opt_D.step()

d_moves_twice | opt_D makes two steps. | one each
     opt_D.step()
+    opt_D.step()

d_never_moves | opt_D makes no step. | discriminators
-    opt_D.step()

fakes_again | D gets fakes of the updated generators. | translated once
~ pool_x.query(fake_x), pool_y.query(fake_y) -> pool_x.query(G_yx(y)), pool_y.query(G_xy(x))

fakes_without_graph | The fakes are detached from the start. | cut off
~ G_xy(x), G_yx(y) -> G_xy(x).detach(), G_yx(y).detach()
~ terms["g_gan_y"] + terms["g_gan_x"] -> (terms["g_gan_y"] + terms["g_gan_x"]) * 0
~ loss_G + lambda_cycle -> loss_G + 0
~ loss_G + lambda_identity -> loss_G + 0
~ loss_G.backward() -> (terms["g_gan_y"] + terms["g_gan_x"]).backward()

flipped | Labels flipped. | flipped
~ D_y(fake_y) - 1 -> D_y(fake_y)
~ D_x(fake_x) - 1 -> D_x(fake_x)
~ D_y(y) - 1 -> D_y(y)
~ D_y(old_y) -> (D_y(old_y) - 1)
~ D_x(x) - 1 -> D_x(x)
~ D_x(old_x) -> (D_x(old_x) - 1)

identity_domain | Identity of what shall change. | its own
~ G_xy(y), y -> G_xy(x), x
~ G_yx(x), x -> G_yx(y), y

judges_swapped | The discriminators change places. | who knows which
~ D_y(fake_y) -> D_x(fake_y)
~ D_x(fake_x) -> D_y(fake_x)
~ D_y(y) -> D_x(y)
~ D_y(old_y) -> D_x(old_y)
~ D_x(x) -> D_y(x)
~ D_x(old_x) -> D_y(old_x)

l2 | Squares in place of L1. | squared
~ abs() -> square()

left_in_eval | The generators are left in eval mode. | eval()
     opt_D.step()
+    G_xy.eval()

log_loss | The log loss of pix2pix. | log losses
~ (D_y(fake_y) - 1).square() -> F.softplus(-D_y(fake_y))
~ (D_x(fake_x) - 1).square() -> F.softplus(-D_x(fake_x))
~ (D_y(y) - 1).square() -> F.softplus(-D_y(y))
~ D_y(old_y).square() -> F.softplus(D_y(old_y))
~ (D_x(x) - 1).square() -> F.softplus(-D_x(x))
~ D_x(old_x).square() -> F.softplus(D_x(old_x))

no_backward | The backward cycle is in the report, but not in the loss. | cycle is missing
~ (terms["g_forward"] + terms["g_backward"]) -> terms["g_forward"]

no_forward | The forward cycle is in the report, but not in the loss. | cycle is missing
~ (terms["g_forward"] + terms["g_backward"]) -> terms["g_backward"]

no_gan | The GAN terms are in the report, but not in the loss. | GAN terms
~ terms["g_gan_y"] + terms["g_gan_x"] -> 0.0

no_identity | The identity terms are not in the loss. | identity terms are missing
-    loss_G = loss_G + lambda_identity * (terms["g_identity_y"] + terms["g_identity_x"])

no_pool | The pools are not used. | pool
~ pool_x.query(fake_x), pool_y.query(fake_y) -> fake_x.detach(), fake_y.detach()

no_pool_no_detach | The new fakes are used, and not detached. | detached
~ loss_G.backward() -> loss_G.backward(retain_graph=True)
~ pool_x.query(fake_x), pool_y.query(fake_y) -> fake_x, fake_y

not_halved | The discriminators' loss is not halved. | not halved
~ (0.5 * sum(d.values())) -> sum(d.values())

nothing_returned | Nothing comes back. | names
-    return {name: term.item() for name, term in (terms | d).items()}

one_d | Only D_y learns. | discriminator did not move
~ sum(d.values()) -> (d["d_real_y"] + d["d_fake_y"])

one_stays_frozen | One of the discriminators stays frozen. | discriminator did not move
-    D_x.requires_grad_(True)

own_optimisers | It builds optimisers of its own. | given ones
     D_y.requires_grad_(False)
+    opt_G = torch.optim.SGD([*G_xy.parameters(), *G_yx.parameters()], 0.01)
+    opt_D = torch.optim.SGD([*D_x.parameters(), *D_y.parameters()], 0.1)

pool_for_g | The generators' GAN terms judge pooled fakes. | this step's fakes
~ D_y(fake_y) -> D_y(pool_y.query(fake_y))
~ D_x(fake_x) -> D_x(pool_x.query(fake_x))
~ pool_x.query(fake_x), pool_y.query(fake_y) -> fake_x.detach(), fake_y.detach()

pool_not_returned | The pools are filled, and what they return is thrown away. | new fakes
-    old_x, old_y = pool_x.query(fake_x), pool_y.query(fake_y)
+    pool_x.query(fake_x), pool_y.query(fake_y)
+    old_x, old_y = fake_x.detach(), fake_y.detach()

pool_of_reals | The pools get real images. | real images
~ pool_x.query(fake_x), pool_y.query(fake_y) -> pool_x.query(x), pool_y.query(y)

pool_twice | The pools are filled first, and asked afterwards. | once a step
     opt_D.zero_grad()
+    pool_x.query(fake_x)
+    pool_y.query(fake_y)

pools_swapped | Each pool gets the fakes of the other domain. | pools change places
-    old_x, old_y = pool_x.query(fake_x), pool_y.query(fake_y)
+    old_y, old_x = pool_x.query(fake_y), pool_y.query(fake_x)

report_names | The report has other names. | names
~ name: term -> name.upper(): term

report_swapped | Forward and backward change places in the report. | change places
     opt_D.step()
+    terms["g_forward"], terms["g_backward"] = terms["g_backward"], terms["g_forward"]

shared_optimiser | opt_G makes both steps. | optimiser
~ opt_D.step() -> opt_G.step()

stays_frozen | The discriminators are frozen for good. | frozen
-    D_x.requires_grad_(True)
-    D_y.requires_grad_(True)

steps_alone | Both optimisers make a step, and nothing is learned. | nothing is learned
-    loss_G.backward()
...
-    (0.5 * sum(d.values())).backward()

sums | Sums in place of means. | sum where a mean
~ abs().mean() -> abs().sum()
~ (D_y(fake_y) - 1).square().mean() -> (D_y(fake_y) - 1).square().sum()
~ (D_x(fake_x) - 1).square().mean() -> (D_x(fake_x) - 1).square().sum()
~ (D_y(y) - 1).square().mean() -> (D_y(y) - 1).square().sum()
~ D_y(old_y).square().mean() -> D_y(old_y).square().sum()
~ (D_x(x) - 1).square().mean() -> (D_x(x) - 1).square().sum()
~ D_x(old_x).square().mean() -> D_x(old_x).square().sum()

twice_translated | The pools get fakes of their own, made a second time. | once a step
~ fake_y, fake_x = G_xy(x), G_yx(y) -> fake_y, fake_x, new_y, new_x = G_xy(x), G_yx(y), G_xy(x), G_yx(y)
~ pool_x.query(fake_x), pool_y.query(fake_y) -> pool_x.query(new_x), pool_y.query(new_y)

weighted_report | The report holds weighted terms. | with its weight
     opt_D.step()
+    terms |= {name: lambda_cycle * terms[name] for name in ("g_forward", "g_backward")}

weights_dropped | No weights. | weights of cycle and identity
~ loss_G + lambda_cycle -> loss_G + 1.0
~ loss_G + lambda_identity -> loss_G + 1.0

weights_swapped | The weights of cycle and identity change places. | lambda_cycle and lambda_identity
~ loss_G + lambda_cycle -> loss_G + lambda_identity
~ loss_G + lambda_identity -> loss_G + lambda_cycle

zero_grad_d_forgotten | The discriminators' gradients are never cleared. | zero_grad
-    D_x.requires_grad_(False)
-    D_y.requires_grad_(False)
...
-    D_x.requires_grad_(True)
-    D_y.requires_grad_(True)
-    opt_D.zero_grad()

zero_grad_g_forgotten | The generators' gradients are never cleared. | zero_grad
-    opt_G.zero_grad()
"""
