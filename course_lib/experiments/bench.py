"""``course bench step``: how fast a training step is, against that of the one-file edition.

Both take turns in the same process, since machines are noisy. What surrounds a step, what is
learned with it, and what one GPU can do is measured by the scripts ``tools/bench_*.py``.
"""

import inspect
import runpy
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import course_lib
from course_lib.errors import CourseError
from course_lib.methods import configs, method_class
from course_lib.networks import small_maps
from course_lib.training import profiles

# ---- how to measure


def here() -> str:
    """This machine, in words."""
    return f"{profiles.device_name()}, torch {torch.__version__}, {torch.get_num_threads()} threads"


def seconds_of(work: Callable[[], Any]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()  # what was ordered before does not count
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def alternate(
    works: dict[str, Callable[[], Any]], repeats: int, warm: int = 2
) -> dict[str, list[float]]:
    """Seconds of each work, one after the other in turn: what else the machine does meets all.

    Every second round goes backwards, so none is always the first.
    """
    out: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(warm + repeats):
        for name, work in list(works.items())[:: (-1) ** repeat]:
            out[name].append(seconds_of(work))
    return {name: took[warm:] for name, took in out.items()}


def ratios(base: list[float], times: list[float]) -> dict[str, float]:
    """How many times as fast as ``base``: median over pairs; ``low`` and ``high`` are quartiles."""
    pairs = [b / t for b, t in zip(base, times, strict=True)]
    low, _, high = statistics.quantiles(pairs, n=4) if len(pairs) > 1 else pairs * 3
    return {"ratio": statistics.median(pairs), "low": low, "high": high}


def table(facts: dict[str, Any]) -> str:
    """As text: the title, and the rows under the names of their columns."""
    names = list(facts["rows"][0])
    lines = [names] + [[_text(row[name]) for name in names] for row in facts["rows"]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    fits = [str.ljust, *[str.rjust] * (len(names) - 1)]
    cells = [[fit(*c) for fit, *c in zip(fits, line, widths, strict=True)] for line in lines]
    return "\n".join([facts["title"], *map("  ".join, cells)])


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


# ---- a training step against the textbook's

# The paper's networks, at sizes that two cores train in a second or two a step.
MEASURED: dict[str, dict[str, Any]] = {
    "pix2pix": {"image_size": 256},
    "cyclegan": {"image_size": 128, "n_blocks": 6},
    "bicyclegan": {"image_size": 128, "batch_size": 2},
}
KINDS = (
    "textbook float32",
    "textbook float32 with D frozen",
    "textbook bfloat16 by autocast",
    "course float32",
    "course bfloat16",
)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


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


def one_file(name: str) -> Path:
    """notebooks/one_file/NAME.py, of the checkout that the library lies in or of this folder.

    Raises CourseError if it is in neither: the wheel does not have it.
    """
    file = f"one_file/{name}.py"
    for folder in (Path(course_lib.__file__).parents[1] / "notebooks", Path("notebooks"), Path()):
        if (folder / file).is_file():
            return folder / file
    raise CourseError(
        "the one-file edition is not here",
        f"notebooks/{file}",
        "call it in a checkout of the course, or in its folder notebooks",
    )


def textbook_step(method: Any, frozen: bool = False, bf16: bool = False) -> Callable[[dict], Any]:
    """The step of the one-file edition, on the networks of ``method``, with the ordinary Adam.

    In it each translation and each judgement is a forward of its own, in float32, and all weights
    ask for gradients. ``frozen``: those of D do not while G learns, as in the authors' code.
    ``bf16`` puts torch.autocast around the networks, and losses stay in float32.
    """
    name, config = type(method).__name__.lower(), method.config
    step = runpy.run_path(str(one_file(name)))["step"]
    nets = {key: net for key, net in method.networks.items() if not key.endswith("_average")}
    for net in nets.values() if bf16 else ():
        net.forward = torch.autocast(method.device.type, torch.bfloat16)(net.forward)
        net.register_forward_hook(_to_float32)
    sides = (
        nn.ModuleList(net for key, net in nets.items() if key[0] in side) for side in ("GE", "D")
    )
    learners, judges = sides
    rates = config.lr, (config.beta1, config.beta2)
    opt_G, opt_D = (torch.optim.Adam(side.parameters(), *rates) for side in (learners, judges))
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


def _to_float32(_: Any, __: Any, out: Tensor | Sequence[Tensor]) -> Tensor | list[Tensor]:
    return out.float() if isinstance(out, Tensor) else [each.float() for each in out]


def random_batch(config: Any, device: torch.device) -> dict[str, Tensor]:
    shape = (config.batch_size, 3, config.image_size, config.image_size)
    return {key: torch.rand(shape, device=device) * 2 - 1 for key in ("x", "y")}


def step(name: str, repeats: int = 7, settings: list[str] | None = None) -> dict[str, Any]:
    """One training step of the paper's networks, beside the textbook's step of the same networks.

    The textbook's is also timed with D frozen while G learns, as in the authors' code, and with
    torch.autocast. A row has the median ``seconds``, the ``ratio`` to the textbook's speed with its
    quartiles, and ``share``: the arithmetic per second of the step (convolutions and products) over
    that of a matrix product of its precision, which takes turns with the steps (``peak``, in
    GFLOP/s).
    bfloat16 is measured where it is on by default. ``settings`` are key=value on top of MEASURED.
    Raises CourseError for a method without a textbook step.
    """
    if name not in MEASURED:
        raise CourseError(
            f"no textbook step for {name!r}", "course bench", f"choose from {', '.join(MEASURED)}"
        )
    cls, device = method_class(name), profiles.pick_device()
    config = configs.build(cls.Config, **MEASURED[name] | configs.parse(cls.Config, settings or []))
    batch = random_batch(config, device)
    # where it is off, bfloat16 is emulated, many times slower
    kinds = [kind for kind in KINDS if "float32" in kind or profiles.use_bf16(device)]
    works, gflop = {}, {}
    for kind in kinds:
        one_step = stepper(kind, config, cls, device)[1]
        with FlopCounterMode(display=False) as counter:
            one_step(batch)
        gflop[kind] = counter.get_total_flops() / 1e9
        works[kind] = partial(one_step, batch)
    products = {}
    for bits in dict.fromkeys(kind.split()[1] for kind in kinds):
        works[bits], products[bits] = product(DTYPES[bits], device)
    seconds = alternate(works, repeats)
    rows = []
    for kind in kinds:
        bits = kind.split()[1]
        row = {"step": kind, "seconds": statistics.median(seconds[kind])}
        row |= ratios(seconds[KINDS[0]], seconds[kind]) | {"gflop": gflop[kind]}
        speed = ratios(seconds[bits], seconds[kind])["ratio"]  # compared with the product
        rows.append(row | {"share": gflop[kind] / products[bits] * speed})
    peak = {bits: work / statistics.median(seconds[bits]) for bits, work in products.items()}
    size = f"{name}, {config.image_size} px, batch {config.batch_size}"
    top = ", ".join(f"{most:.0f} GFLOP/s in {bits}" for bits, most in peak.items())
    title = f"{size}; {here()}, {repeats} repeats; matrix product: {top}"
    return {"title": title, "rows": rows, "peak": peak}


def product(dtype: torch.dtype, device: torch.device) -> tuple[Callable[[], Tensor], float]:
    """A matrix product large enough to take 0.1 s, and its GFLOP."""
    n = 256
    while True:
        run = partial(torch.matmul, *(torch.randn(n, n, device=device).to(dtype) for _ in range(2)))
        if n >= 8192 or min(seconds_of(run) for _ in range(3)) > 0.1:
            return run, 2e-9 * n**3
        n *= 2
