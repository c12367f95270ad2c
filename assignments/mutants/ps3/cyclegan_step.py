"""Wrong and right solutions of ``cyclegan_step``, problem set 3."""

RIGHT = """
ok_textbook | As in the notebook.
def far(a, b):
    return (a - b).abs().mean()


def cyclegan_step(
    G_xy, G_yx, D_x, D_y, opt_G, opt_D, pool_x, pool_y, x, y, lambda_cycle, lambda_identity
):
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
def cyclegan_step(
    G_xy, G_yx, D_x, D_y, opt_G, opt_D, pool_x, pool_y, x, y, lambda_cycle, lambda_identity
):
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
    stored_y, stored_x = pool_y.query(fake_y), pool_x.query(fake_x)
    for name, D, real, fake in (("y", D_y, y, stored_y), ("x", D_x, x, stored_x)):
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

no_pool | The pools are not used. | pool
~ pool_x.query(fake_x), pool_y.query(fake_y) -> fake_x.detach(), fake_y.detach()

no_pool_no_detach | The new fakes are used, and not detached. | detached
~ loss_G.backward() -> loss_G.backward(retain_graph=True)
~ pool_x.query(fake_x), pool_y.query(fake_y) -> fake_x, fake_y

steps_alone | Both optimisers make a step, and nothing is learned. | nothing is learned
-    loss_G.backward()
...
-    (0.5 * sum(d.values())).backward()

thawed_late | A discriminator is frozen until the next call. | frozen
     opt_D.step()
+    D_x.requires_grad_(False)
"""
