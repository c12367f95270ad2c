"""The training step one would write first: what ``course bench step`` measures the library by."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def textbook_step(method: Any, frozen: bool = False, bf16: bool = False) -> Callable[[dict], None]:
    """The step one would write first, on the networks of ``method``.

    Each translation and each judgement is a forward of its own, in float32, Adam is the ordinary
    one, and all weights ask for gradients. ``frozen``: those of D do not while G learns, as in the
    authors' code. ``bf16`` puts torch.autocast around the networks, and losses stay in float32.
    """
    books = {"pix2pix": _pix2pix, "cyclegan": _cyclegan, "bicyclegan": _bicyclegan}
    for net in method.networks.values() if bf16 else ():
        net.forward = torch.autocast(method.device.type, torch.bfloat16)(net.forward)
        net.register_forward_hook(_to_float32)
    return books[type(method).__name__.lower()](method, frozen)


def _to_float32(_: Any, __: Any, out: Tensor | Sequence[Tensor]) -> Tensor | list[Tensor]:
    return out.float() if isinstance(out, Tensor) else [each.float() for each in out]


def _adam(config: Any, *nets: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(
        [p for net in nets for p in net.parameters()], config.lr, (config.beta1, config.beta2)
    )


def _pix2pix(method: Any, frozen: bool) -> Callable[[dict], None]:
    config, G, D = method.config, method.G, method.D
    opt_G, opt_D = _adam(config, G), _adam(config, D)

    def bce(logits: Tensor, target: float) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    def step(batch: dict) -> None:
        x, y = batch["x"], batch["y"]
        fake_y = G(x)
        opt_D.zero_grad()
        real, fake = D(torch.cat([x, y], 1)), D(torch.cat([x, fake_y.detach()], 1))
        (0.5 * (bce(real, 1.0) + bce(fake, 0.0))).backward()
        opt_D.step()
        opt_G.zero_grad()
        D.requires_grad_(not frozen)
        gan = bce(D(torch.cat([x, fake_y], 1)), 1.0)
        (gan + config.lambda_l1 * F.l1_loss(fake_y, y)).backward()
        D.requires_grad_(True)
        opt_G.step()

    return step


def _cyclegan(method: Any, frozen: bool) -> Callable[[dict], None]:
    config, G_xy, G_yx, D_x, D_y = method.config, method.G_xy, method.G_yx, method.D_x, method.D_y
    Ds = nn.ModuleList([D_x, D_y])
    opt_G, opt_D = _adam(config, G_xy, G_yx), _adam(config, Ds)

    def mse(logits: Tensor, target: float) -> Tensor:
        return F.mse_loss(logits, torch.full_like(logits, target))

    def step(batch: dict) -> None:
        x, y = batch["x"], batch["y"]
        opt_G.zero_grad()
        fake_y, fake_x = G_xy(x), G_yx(y)
        cycle_x, cycle_y = F.l1_loss(G_yx(fake_y), x), F.l1_loss(G_xy(fake_x), y)
        Ds.requires_grad_(not frozen)
        gan = mse(D_y(fake_y), 1.0) + mse(D_x(fake_x), 1.0)
        (gan + config.lambda_forward * cycle_x + config.lambda_backward * cycle_y).backward()
        Ds.requires_grad_(True)
        opt_G.step()
        opt_D.zero_grad()
        loss_x = mse(D_x(x), 1.0) + mse(D_x(method.pool_x.query(fake_x)), 0.0)
        loss_y = mse(D_y(y), 1.0) + mse(D_y(method.pool_y.query(fake_y)), 0.0)
        (0.5 * (loss_y + loss_x)).backward()
        opt_D.step()

    return step


def _bicyclegan(method: Any, frozen: bool) -> Callable[[dict], None]:
    config, G, E, D_encoded, D_random = method.config, method.G, method.E, *method.D.values()
    Ds = nn.ModuleList([D_encoded, D_random])
    opt_G, opt_D = _adam(config, G, E), _adam(config, Ds)

    def mse(maps: list[Tensor], target: float) -> Tensor:
        return sum(F.mse_loss(logits, torch.full_like(logits, target)) for logits in maps)

    def step(batch: dict) -> None:
        x, y = batch["x"], batch["y"]
        opt_G.zero_grad()
        Ds.requires_grad_(not frozen)
        mu, logvar = E(y)
        encoded = G(x, mu + torch.exp(0.5 * logvar) * method.noise(len(x)))
        kl = -0.5 * (1 + logvar - mu**2 - torch.exp(logvar)).sum(1).mean()
        loss = (
            mse(D_encoded(encoded), 1.0)
            + config.lambda_l1 * F.l1_loss(encoded, y)
            + config.lambda_kl * kl
        )
        z = method.noise(len(x))
        random = G(x, z)
        E.requires_grad_(False)  # the latent term moves G alone
        rec_z, _ = E(random)
        E.requires_grad_(True)
        (loss + mse(D_random(random), 1.0) + config.lambda_latent * F.l1_loss(rec_z, z)).backward()
        Ds.requires_grad_(True)
        opt_G.step()
        opt_D.zero_grad()
        real, fake = mse(D_encoded(y), 1.0), mse(D_encoded(encoded.detach()), 0.0)
        (real + fake + mse(D_random(y), 1.0) + mse(D_random(random.detach()), 0.0)).backward()
        opt_D.step()

    return step
