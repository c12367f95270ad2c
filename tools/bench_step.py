"""A training step of the course, beside the plain float32 textbook step of the same networks.

    python tools/bench_step.py METHOD [--repeats 7] [--set key=value ...] [--json]

METHOD is pix2pix, cyclegan or bicyclegan; with ``--json`` one object.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from course_lib.errors import CourseError
from course_lib.experiments.bench import (
    KINDS,
    MEASURED,
    alternate,
    machine,
    random_batch,
    ratios,
    seconds_of,
    stepper,
)
from course_lib.methods import configs, method_class
from course_lib.training import profiles

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def step(name: str, repeats: int = 7, settings: list[str] | None = None) -> dict[str, Any]:
    """One training step of the paper's networks, beside the textbook's step of the same networks.

    The textbook's is also timed with D frozen while G learns, as in the authors' code, and with
    torch.autocast. A row has the median ``seconds``, the ``ratio`` to the textbook's speed with its
    quartiles, and ``share``: the arithmetic per second of the step (convolutions and products) over
    that of a matrix product of its precision, which takes turns with the steps (``peak``, in
    GFLOP/s).
    bfloat16 is measured where it is on by default. ``settings`` are key=value on top of MEASURED.
    """
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
    title = f"{size}; {machine()}, {repeats} repeats; matrix product: {top}"
    return {"title": title, "rows": rows, "peak": peak}


def product(dtype: torch.dtype, device: torch.device) -> tuple[Callable[[], Tensor], float]:
    """A matrix product large enough to take 0.1 s, and its GFLOP."""
    n = 256
    while True:
        run = partial(torch.matmul, *(torch.randn(n, n, device=device).to(dtype) for _ in range(2)))
        if n >= 8192 or min(seconds_of(run) for _ in range(3)) > 0.1:
            return run, 2e-9 * n**3
        n *= 2


def table(facts: dict[str, Any]) -> str:
    """As text: the title, and the rows under the names of their columns."""
    first, *names = facts["rows"][0]
    lines = [facts["title"], f"{first:32}" + "".join(f"{name:>10}" for name in names)]
    for row in facts["rows"]:
        step, *numbers = row.values()
        lines.append(f"{step:32}" + "".join(f"{number:10.3g}" for number in numbers))
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=MEASURED)
    parser.add_argument("--repeats", type=int, default=7, help="of each step")
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", help="of the configuration")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    try:
        facts = step(asked.method, asked.repeats, asked.set)
    except CourseError as error:
        sys.exit(str(error))
    print(json.dumps(facts) if asked.json else table(facts))
