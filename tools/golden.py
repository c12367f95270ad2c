"""Loss terms of 20 steps of each method, which every device must find again.

    python tools/golden.py NAME      computes those of a new method on this CPU: tools/golden.json

Weights, data and their order are the same everywhere, random numbers come from the CPU, and nothing
is dropped out: only rounding can differ. ``make gpu`` compares a GPU, and a test this machine.
"""

import json
import sys
from functools import partial
from pathlib import Path
from statistics import fmean

import torch
from torch.nn.functional import dropout
from torch.overrides import TorchFunctionMode

from course_lib.data import open_dataset
from course_lib.methods import method_class
from course_lib.networks.hardware import send
from course_lib.runs import make_config
from course_lib.training.fit import fit

STORED = Path(__file__).with_suffix(".json")
LEAST = 0.01  # a term that is smaller is compared as if it had this size
BOUNDS = {"float32": 1e-3, "bfloat16": 0.05}  # of the distance below

Terms = dict[str, list[float]]  # by name, the value at each step


class SameNumbers(TorchFunctionMode):
    """In here random numbers are drawn on the CPU and then sent, and dropout drops nothing."""

    LIKE = {torch.rand_like: torch.rand, torch.randn_like: torch.randn}  # noqa: RUF012
    DRAWS = (torch.rand, torch.randn, torch.randint)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is dropout:
            return args[0]
        device = kwargs.pop("device", None) if func in self.DRAWS else None
        if func in self.LIKE:
            func, args, device = self.LIKE[func], args[0].shape, args[0].device
        draw = partial(func, *args, **kwargs)
        return draw() if device is None else send(draw(), torch.device(device))


def terms(name: str, device: str = "cpu", bf16: bool = False) -> Terms:
    """What a tiny network of this method says while it learns façades; in float32 without TF32."""
    torch.manual_seed(0)
    # at the usual rates a GAN doubles a difference with each step, whatever it comes from
    config = make_config(name, "smoke", settings=["lr=5e-6"])
    with SameNumbers(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        method = method_class(name)(config, device, bf16)
        torch.backends.cuda.matmul.allow_tf32 = False  # as it is until a method is on a GPU
        data = open_dataset("facades", "train", config.image_size)
        rows = fit(method, data, steps=20, previews=0, progress=False).history
    return {key: [row[key] for row in rows] for key in rows[0].keys() - {"step", "seconds"}}


def distance(found: Terms, golden: Terms) -> float:
    """The largest difference at any step, relative to the mean size of its term."""
    assert found.keys() == golden.keys()
    sizes = {key: max(LEAST, fmean(map(abs, values))) for key, values in golden.items()}
    return max(
        abs(a - b) / sizes[key]
        for key, values in golden.items()
        for a, b in zip(found[key], values, strict=True)
    )


def stored() -> dict[str, Terms]:
    return json.loads(STORED.read_text(encoding="utf-8"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    # to compute one anew is to say that what it learns has changed
    found = {
        name: {key: [float(f"{value:.7g}") for value in of] for key, of in terms(name).items()}
        for name in sys.argv[1:]
    }
    lines = ",\n".join(
        f'"{name}": {json.dumps(of, sort_keys=True)}' for name, of in (stored() | found).items()
    )
    STORED.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
