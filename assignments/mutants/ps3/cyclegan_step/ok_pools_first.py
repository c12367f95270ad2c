"""The pools are asked before the generators move; networks clear their gradients."""

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
