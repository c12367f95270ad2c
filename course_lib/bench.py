"""``course bench``: one training step against the plain textbook step of the same networks, in the same process."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib import profiles, runs
from course_lib.errors import CourseError

# Batch 1 and the paper's networks, at sizes that two cores train in a second or two a step.
MEASURED: dict[str, dict[str, Any]] = {
    "pix2pix": {"image_size": 256},
    "cyclegan": {"image_size": 128, "n_blocks": 6},
}


def textbook_step(method: Any) -> Callable[[dict], None]:
    """The step one would write first, on the networks of ``method``: float32, each translation and each judgement a
    forward of its own, ordinary Adam, nothing frozen."""
    return {"pix2pix": _pix2pix, "cyclegan": _cyclegan}[type(method).__name__.lower()](method)


def _adam(config: Any, *nets: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for net in nets for p in net.parameters()], config.lr, (config.beta1, config.beta2))


def _pix2pix(method: Any) -> Callable[[dict], None]:
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
        (bce(D(torch.cat([x, fake_y], 1)), 1.0) + config.lambda_l1 * F.l1_loss(fake_y, y)).backward()
        opt_G.step()

    return step


def _cyclegan(method: Any) -> Callable[[dict], None]:
    config, G_xy, G_yx, D_x, D_y = method.config, method.G_xy, method.G_yx, method.D_x, method.D_y
    opt_G, opt_D = _adam(config, G_xy, G_yx), _adam(config, D_x, D_y)

    def mse(logits: Tensor, target: float) -> Tensor:
        return F.mse_loss(logits, torch.full_like(logits, target))

    def step(batch: dict) -> None:
        x, y = batch["x"], batch["y"]
        opt_G.zero_grad()
        fake_y, fake_x = G_xy(x), G_yx(y)
        cycle_x, cycle_y = F.l1_loss(G_yx(fake_y), x), F.l1_loss(G_xy(fake_x), y)
        gan = mse(D_y(fake_y), 1.0) + mse(D_x(fake_x), 1.0)
        (gan + config.lambda_forward * cycle_x + config.lambda_backward * cycle_y).backward()
        opt_G.step()
        opt_D.zero_grad()
        loss_x = mse(D_x(x), 1.0) + mse(D_x(method.pool_x.query(fake_x)), 0.0)
        loss_y = mse(D_y(y), 1.0) + mse(D_y(method.pool_y.query(fake_y)), 0.0)
        (0.5 * (loss_y + loss_x)).backward()
        opt_D.step()

    return step


def step(name: str, repeats: int = 7) -> str:
    """Median seconds of one step at batch 1 with the paper's networks; ratios are medians over interleaved pairs.

    Raises CourseError for a method without a textbook step.
    """
    if name not in MEASURED:
        raise CourseError(f"no textbook step for {name!r}", "course bench step", f"choose from {', '.join(MEASURED)}")
    cls, device = runs.method_class(name), profiles.pick_device()
    config = cls.Config(**MEASURED[name])
    size = config.image_size
    batch = {key: torch.rand(1, 3, size, size, device=device) * 2 - 1 for key in ("x", "y")}
    textbook = cls(config, device)
    for net in textbook.networks.values():
        net.to(memory_format=torch.contiguous_format)
    steps = {
        "textbook float32": textbook_step(textbook),
        "course float32": cls(config, device, bf16=False).step,
        "course bfloat16": cls(config, device, bf16=True).step,
    }
    seconds: dict[str, list[float]] = {kind: [] for kind in steps}
    for repeat in range(repeats + 2):
        for kind, one_step in steps.items():
            start = time.perf_counter()
            one_step(batch)
            if device.type == "cuda":
                torch.cuda.synchronize()
            if repeat >= 2:  # the first two warm up
                seconds[kind].append(time.perf_counter() - start)
    base = seconds["textbook float32"]
    lines = [f"{name}, {size} px, batch 1, {profiles.device_name()}, torch {torch.__version__}, {repeats} repeats"]
    for kind, times in seconds.items():
        ratio = statistics.median(b / t for b, t in zip(base, times, strict=True))
        lines.append(f"{kind:17} {statistics.median(times):7.3f} s   {ratio:5.2f} times the textbook's speed")
    return "\n".join(lines)
