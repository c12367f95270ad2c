"""``course bench``: how fast the course is, each time against something that anybody can run, in the same process.

Here the training step against the textbook's; what it learns is in ``bench_quality.py``, what surrounds it in
``bench_around.py``, what the repository keeps in ``bench_kept.py``. Every measurement returns
``{"title": ..., "rows": [{column: value}, ...]}``, for :func:`table` or as JSON.
"""

import re
import statistics
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from course_lib.errors import CourseError
from course_lib.experiments.textbook import textbook_step
from course_lib.methods import configs, method_class
from course_lib.networks import small_maps
from course_lib.training import profiles

# ---- how to measure


def here() -> str:
    """This machine, in words."""
    return f"{profiles.device_name()}, torch {torch.__version__}, {torch.get_num_threads()} threads"


def seconds_of(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def alternate(
    works: dict[str, Callable[[], Any]], repeats: int, warm: int = 2
) -> dict[str, list[float]]:
    """Seconds of each work, one after the other in turn: what else the machine does meets all of them."""
    out: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(repeats + warm):
        for name, work in works.items():
            took = seconds_of(work)
            if repeat >= warm:
                out[name].append(took)
    return out


def ratios(base: list[float], own: list[float]) -> dict[str, float]:
    """How many times as fast as ``base``: the median over pairs, and the quartiles as ``low`` and ``high``."""
    found = sorted(b / t for b, t in zip(base, own, strict=True))
    low, _, high = statistics.quantiles(found, n=4) if len(found) > 1 else found * 3
    return {"ratio": statistics.median(found), "low": low, "high": high}


def table(facts: dict[str, Any]) -> str:
    """As text: the title, and the rows under the names of their columns."""
    names = list(dict.fromkeys(name for row in facts["rows"] for name in row))
    lines = [names] + [[_text(row.get(name, "")) for name in names] for row in facts["rows"]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(names))]
    rows = [
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(t.rjust(w) for t, w in zip(line[1:], widths[1:], strict=True)),
            ]
        )
        for line in lines
    ]
    return "\n".join([facts["title"], *(row.rstrip() for row in rows)])


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
KINDS = ("textbook float32", "course float32", "course bfloat16")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def known(name: str) -> None:
    if name not in MEASURED:
        raise CourseError(
            f"no textbook step for {name!r}", "course bench", f"choose from {', '.join(MEASURED)}"
        )


def stepper(
    kind: str, config: Any, cls: type, device: torch.device
) -> tuple[Any, Callable[[dict], Any]]:
    """A new method of ``config`` and the step of that ``kind``."""
    if not kind.startswith("textbook"):
        method = cls(config, device, bf16=kind.endswith("bfloat16"))
        return method, method.step
    method = cls(config, device)
    for net in method.networks.values():
        net.to(memory_format=torch.contiguous_format)
        for layer in net.modules():
            if isinstance(layer, (small_maps.Conv2d, small_maps.ConvTranspose2d)):
                layer.__class__ = type(layer).__base__  # torch's own
    return method, textbook_step(method)


def random_batch(config: Any, device: torch.device) -> dict[str, Tensor]:
    shape = (config.batch_size, 3, config.image_size, config.image_size)
    return {key: torch.rand(shape, device=device) * 2 - 1 for key in ("x", "y")}


def step(
    name: str, repeats: int = 7, settings: list[str] | None = None, memory: bool = True
) -> dict[str, Any]:
    """One training step of the paper's networks: median seconds, the ratio to the textbook's speed and its quartiles.

    ``share`` is the arithmetic per second of the step (convolutions and products) over that of a matrix product of
    its precision, which takes turns with the steps: ``peak`` in GFLOP/s. ``resident`` and ``cuda`` are peaks in MB,
    each of a process that makes two such steps alone. bfloat16 is measured where it is on by default. ``settings`` are
    key=value on top of MEASURED. Raises CourseError for a method without a textbook step.
    """
    known(name)
    cls, device = method_class(name), profiles.pick_device()
    values = MEASURED[name] | configs.parse(cls.Config, settings or [])
    config = configs.build(cls.Config, **values)
    batch = random_batch(config, device)
    kinds = (
        KINDS if profiles.use_bf16(device) else KINDS[:2]
    )  # elsewhere bfloat16 is emulated, many times slower
    steps = {kind: stepper(kind, config, cls, device)[1] for kind in kinds}
    work = {}
    for kind, one_step in steps.items():
        with FlopCounterMode(display=False) as counter:
            one_step(batch)
        work[kind] = counter.get_total_flops()
    products = {kind.split()[1]: product(DTYPES[kind.split()[1]], device) for kind in kinds}
    works = {kind: lambda s=one_step: s(batch) for kind, one_step in steps.items()}
    seconds = alternate(works | {bits: run for bits, (run, _) in products.items()}, repeats)
    peaks = {
        bits: gflop / statistics.median(seconds[bits]) for bits, (_, gflop) in products.items()
    }
    rows = []
    for kind in kinds:
        times, bits, gflop = seconds[kind], kind.split()[1], work[kind] / 1e9
        row = {
            "step": kind,
            "seconds": statistics.median(times),
            **ratios(seconds[KINDS[0]], times),
            "gflop": gflop,
        }
        row["share"] = gflop / products[bits][1] * ratios(seconds[bits], times)["ratio"]
        rows.append(row | (_memory_alone(name, kind, values) if memory else {}))
    size = f"{name}, {config.image_size} px, batch {config.batch_size}"
    top = ", ".join(f"{most:.0f} GFLOP/s in {kind}" for kind, most in peaks.items())
    return {
        "title": f"{size}; {here()}, {repeats} repeats; matrix product: {top}",
        "rows": rows,
        "peak": peaks,
    }


def _memory_alone(name: str, kind: str, values: dict) -> dict[str, float]:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_memory, (name, kind, values))


def _peak_memory(name: str, kind: str, values: dict) -> dict[str, float]:
    """Peaks of this process in MB: ``resident``, where Linux tells, and ``cuda``, where there is one."""
    cls, device = method_class(name), profiles.pick_device()
    config = configs.build(cls.Config, **values)
    _, one_step = stepper(kind, config, cls, device)
    for _ in range(2):
        one_step(random_batch(config, device))
    found, status = {}, Path("/proc/self/status")
    if status.exists():  # getrusage() would begin with the peak of the parent
        found["resident"] = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024 / 1e6
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.max_memory_allocated() / 1e6
    return found


def product(dtype: torch.dtype, device: torch.device) -> tuple[Callable[[], Tensor], float]:
    """A matrix product large enough to take 0.1 s, and its GFLOP."""
    n = 256
    while True:
        run = partial(torch.matmul, *(torch.randn(n, n, device=device).to(dtype) for _ in range(2)))
        if n >= 8192 or min(seconds_of(run) for _ in range(3)) > 0.1:
            return run, 2e-9 * n**3
        n *= 2
