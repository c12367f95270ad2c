"""Several configurations trained alike, so that only what was changed on purpose can explain what differs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.methods.base import Method
from course_lib.training.fit import Result, fit

OF_A_BATCH = ("image_size", "batch_size", "jitter", "flip")  # the settings that decide what is in a batch


@dataclass
class Trained:
    """A method after :func:`compare`, and what fit() said: ``result.steps``, ``result.seconds``, ``result.history``."""

    method: Method
    result: Result


def compare(
    makers: Mapping[str, Callable[[], Method]],
    dataset: Dataset,
    *,
    steps: int,
    seed: int = 0,
    out: Path | str | None = None,
    **options: Any,
) -> dict[str, Trained]:
    """Train what each maker builds for the same number of ``steps``, on the same batches in the same order.

    torch's generator is seeded anew before each maker is called, so networks of equal shape begin with equal weights.
    ``options`` are those of fit(), except for ``minutes``: seconds differ from one to the next, and ``result.seconds``
    tells them. With ``out``, each trains into a folder of its name there, and goes on with ``resume=True``.

    Raises CourseError if two differ in what makes a batch (OF_A_BATCH), or if a training is interrupted.
    """
    methods = {}
    with torch.random.fork_rng():
        for name, make in makers.items():
            torch.manual_seed(seed)
            methods[name] = make()
    settings = [configs.as_dict(method.config) for method in methods.values()]
    for key in OF_A_BATCH:
        if len({str(each.get(key)) for each in settings}) > 1:
            what = f"{key} differs: {', '.join(f'{n} {s.get(key)}' for n, s in zip(methods, settings, strict=True))}"
            raise CourseError(what, "compare()", "give all of them the same, or their batches are not the same")
    found = {}
    for name, method in methods.items():
        place = Path(out) / name if out is not None else None
        result = fit(method, dataset, steps=steps, seed=seed, out=place, **options)
        if result.steps < steps:
            what = f"{name} was interrupted at step {result.steps} of {steps}"
            raise CourseError(what, "compare()", "start again; with out=FOLDER and resume=True it goes on from there")
        found[name] = Trained(method, result)
    return found
