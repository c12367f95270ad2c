"""Both pairs go through D in one batch; D thawed at the start."""

import torch
import torch.nn.functional as F


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
