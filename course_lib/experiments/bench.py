"""How fast a training step is, against that of the one-file edition.

Both take turns in the same process, since machines are noisy. ``tools/bench_step.py`` prints the
comparison, and ``tools/bench_gpu.py`` measures what one GPU can do.
"""

import inspect
import runpy
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import course_lib
from course_lib.methods.base import in_float32
from course_lib.networks import small_maps
from course_lib.training import profiles

# ---- how to measure


def machine() -> str:
    """This machine, in words."""
    return f"{profiles.device_name()}, torch {torch.__version__}, {torch.get_num_threads()} threads"


def seconds_of(work: Callable[[], Any]) -> float:
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.synchronize()  # what was ordered before does not count
    start = time.perf_counter()
    work()
    if has_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def alternate(
    works: dict[str, Callable[[], Any]], repeats: int, warm: int = 2
) -> dict[str, list[float]]:
    """Seconds of each work, one after the other in turn: what else the machine does meets all.

    Every second round goes backwards, so none is always the first.
    """
    rounds = []
    for repeat in range(warm + repeats):
        turn = list(works) if repeat % 2 == 0 else list(reversed(works))
        rounds.append({name: seconds_of(works[name]) for name in turn})
    return {name: [took[name] for took in rounds[warm:]] for name in works}


def ratios(base: list[float], times: list[float]) -> dict[str, float]:
    """How many times as fast as ``base``: median over pairs; ``low`` and ``high`` are quartiles."""
    pairs = [b / t for b, t in zip(base, times, strict=True)]
    low, _, high = statistics.quantiles(pairs, n=4) if len(pairs) > 1 else pairs * 3
    return {"ratio": statistics.median(pairs), "low": low, "high": high}


# ---- a training step against the textbook's

# The paper's networks, at sizes that two cores train in a second or two a step.
MEASURED: dict[str, dict[str, Any]] = {
    "pix2pix": {"image_size": 256},
    "cyclegan": {"image_size": 128, "n_blocks": 6},
    "bicyclegan": {"image_size": 128, "batch_size": 2},
}
ONE_FILE = Path(course_lib.__file__).parents[1] / "notebooks" / "one_file"  # of a checkout
KINDS = (
    "textbook float32",
    "textbook float32 with D frozen",
    "textbook bfloat16 by autocast",
    "course float32",
    "course bfloat16",
)


def stepper(
    kind: str, config: Any, cls: type, device: torch.device
) -> tuple[Any, Callable[[dict], Any]]:
    """A new method of ``config`` and the step of that ``kind``, one of KINDS."""
    if not kind.startswith("textbook"):
        method = cls(config, device, bf16=kind.endswith("bfloat16"))
        return method, method.step
    method = cls(config, device)
    for net in method.networks.values():
        net.to(memory_format=torch.contiguous_format)
        for layer in net.modules():
            if isinstance(layer, (small_maps.Conv2d, small_maps.ConvTranspose2d)):
                layer.__class__ = type(layer).__base__  # torch's own
    return method, textbook_step(method, "frozen" in kind, "bfloat16" in kind)


def textbook_step(method: Any, frozen: bool = False, bf16: bool = False) -> Callable[[dict], Any]:
    """The step of the one-file edition, on the networks of ``method``, with the ordinary Adam.

    In it each translation and each judgement is a forward of its own, in float32, and all weights
    ask for gradients. ``frozen``: those of D do not while G learns, as in the authors' code.
    ``bf16`` puts torch.autocast around the networks, and losses stay in float32.
    """
    name, config = type(method).__name__.lower(), method.config
    step = runpy.run_path(str(ONE_FILE / f"{name}.py"))["step"]
    nets = {key: net for key, net in method.networks.items() if not key.endswith("_average")}
    for net in nets.values() if bf16 else ():
        net.forward = torch.autocast(method.device.type, torch.bfloat16)(net.forward)
        net.register_forward_hook(lambda _, __, out: in_float32(out))
    learners, judges = (
        nn.ModuleList(net for key, net in nets.items() if key[0] in side) for side in ("GE", "D")
    )
    opt_G, opt_D = (
        torch.optim.Adam(side.parameters(), config.lr, (config.beta1, config.beta2))
        for side in (learners, judges)
    )
    if frozen:  # from the end of D's update to the end of G's
        judges.requires_grad_(name == "pix2pix")  # whose D is the first to learn
        opt_D.register_step_post_hook(lambda *_: judges.requires_grad_(False))
        opt_G.register_step_post_hook(lambda *_: judges.requires_grad_(True))
    if name == "pix2pix":
        D = nets["D"]
        nets["D"] = lambda x, y: D(torch.cat([x, y], dim=1))
    settings = vars(config) | {"lambda_cyc": getattr(config, "lambda_forward", 0.0)}
    weights = {key: settings[key] for key in inspect.signature(step).parameters if key in settings}
    return lambda batch: step(batch["x"], batch["y"], **nets, opt_G=opt_G, opt_D=opt_D, **weights)


def random_batch(config: Any, device: torch.device) -> dict[str, Tensor]:
    shape = (config.batch_size, 3, config.image_size, config.image_size)
    return {key: torch.rand(shape, device=device) * 2 - 1 for key in ("x", "y")}
