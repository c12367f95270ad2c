"""``course bench``: one training step against the plain textbook step of the same networks, in the same process."""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from course_lib import profiles
from course_lib.methods.pix2pix import Config, Pix2Pix
from course_lib.networks import PatchGAN, UNet


def textbook_step(config: Config, device: torch.device) -> Callable[[dict], None]:
    """pix2pix as one would write it first: float32, D on real and fake in two forwards, G step, ordinary Adam."""
    G = UNet(image_size=config.image_size, base_channels=config.base_channels).to(device)
    D = PatchGAN(6, config.d_base_channels, config.d_layers).to(device)
    opt_G = torch.optim.Adam(G.parameters(), config.lr, (config.beta1, config.beta2))
    opt_D = torch.optim.Adam(D.parameters(), config.lr, (config.beta1, config.beta2))

    def bce(logits: torch.Tensor, target: float) -> torch.Tensor:
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


def step_pix2pix(repeats: int = 7, size: int = 256) -> str:
    """Median seconds of one step at ``size`` px, batch 1, paper networks; ratios are medians over interleaved pairs."""
    config, device = Config(image_size=size), profiles.pick_device()
    batch = {key: torch.rand(1, 3, size, size, device=device) * 2 - 1 for key in ("x", "y")}
    steps = {
        "textbook float32": textbook_step(config, device),
        "course float32": Pix2Pix(config, device, bf16=False).step,
        "course bfloat16": Pix2Pix(config, device, bf16=True).step,
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(repeats + 2):
        for name, step in steps.items():
            start = time.perf_counter()
            step(batch)
            if device.type == "cuda":
                torch.cuda.synchronize()
            if repeat >= 2:  # the first two warm up
                seconds[name].append(time.perf_counter() - start)
    base = seconds["textbook float32"]
    lines = [f"pix2pix, {size} px, batch 1, {profiles.device_name()}, torch {torch.__version__}, {repeats} repeats"]
    for name, times in seconds.items():
        ratio = statistics.median(b / t for b, t in zip(base, times, strict=True))
        lines.append(f"{name:17} {statistics.median(times):7.3f} s   {ratio:5.2f} times the textbook's speed")
    return "\n".join(lines)
