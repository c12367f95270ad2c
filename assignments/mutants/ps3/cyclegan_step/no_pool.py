"""The pools are not used.

message: pool
"""


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
    old_x, old_y = fake_x.detach(), fake_y.detach()
    d = {
        "d_real_y": (D_y(y) - 1).square().mean(),
        "d_fake_y": D_y(old_y).square().mean(),
        "d_real_x": (D_x(x) - 1).square().mean(),
        "d_fake_x": D_x(old_x).square().mean(),
    }
    (0.5 * sum(d.values())).backward()
    opt_D.step()
    return {name: term.item() for name, term in (terms | d).items()}
