"""The shipped weights, trained again, packed, hashed and measured.

``python -m tools.making.ship NAME --out RUN`` goes on where it was stopped. ``--score`` in place of
``--out`` measures what is shipped again, after a measure has changed, and ``--sheet FILE.webp``
shows the 24 test photographs and what a shipped network makes of them.
"""

import argparse
import hashlib
import json
import platform
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from torch.utils.data import Dataset

from course_lib import runs
from course_lib.data import files, open_dataset
from course_lib.data.images import to_bytes
from course_lib.errors import CourseError
from course_lib.methods.base import Method
from course_lib.methods.image_pool import ImagePool
from course_lib.metrics.samples import score_generated
from course_lib.runs import shipped
from course_lib.runs.evaluation import evaluate
from course_lib.runs.folder import open_run, read_settings, untrained
from course_lib.training import checkpoint
from course_lib.training.run import read_history
from tools.making import strips

LIMIT = 5_000_000  # bytes of one file
SEED = 0  # what the trainings start with


class Recipe(NamedTuple):
    """How one is trained: the profile cpu at ``size`` px, with ``settings``, for ``steps``."""

    method: str
    data: str
    size: int
    steps: int
    settings: Sequence[str] = ()
    direction: str = "xy"
    title: str = ""


def recipes() -> dict[str, Recipe]:
    """What can be made: the shipped networks."""
    rows = tomllib.loads(Path(__file__).with_name("recipes.toml").read_text(encoding="utf-8"))
    return {name: Recipe(**row) for name, row in rows.items()}


def train(name: str, out: Path, recipe: Recipe | None = None) -> dict:
    """Train what is called ``name`` again, into the run folder ``out``, and :func:`pack` it there.

    A run that was stopped goes on. Steps, not minutes, end it: on the same machine and versions
    the file is the same. Another ``recipe`` than its own may be tried.
    """
    recipe = recipe or recipes()[name]
    config = runs.make_config(recipe.method, "cpu", recipe.size, [*recipe.settings])
    length = {"steps": recipe.steps, "seed": SEED, "direction": recipe.direction}
    runs.train(recipe.method, recipe.data, out, config, resume=True, **length)
    return pack(name, out, out, recipe)


def pack(name: str, out: Path, folder: Path, recipe: Recipe | None = None) -> dict:
    """Write what is kept of the finished run ``out`` into ``folder``; returns what NAME.json tells.

    NAME.json says where it comes from, with scores and curves. NAME.safetensors are the weights in
    8 bits (:func:`weights_of`).
    """
    recipe, run = recipe or recipes()[name], read_settings(out)
    if (
        run["data"] not in (recipe.data, str(Path(recipe.data).resolve()))
        or run["method"] != recipe.method
    ):
        raise CourseError(
            f"this is a {run['method']} run on {run['data']}",
            out,
            f"train {name} in another folder",
        )
    method, _ = open_run(out, "cpu")
    if (done := checkpoint.steps(out / "checkpoints")[-1]) < recipe.steps:
        raise CourseError(
            f"this run has made {done} of {recipe.steps} steps", out, "go on with the same command"
        )
    history = read_history(out / "history.jsonl", done)
    train_set = open_dataset(recipe.data, "train", recipe.size, recipe.direction, SEED)
    origin = {
        "title": recipe.title,
        "command": f"python -m tools.making.ship {name} --out RUN",
        "run": run | {"data": recipe.data},
        "steps": recipe.steps,
        "seconds": round(history[-1]["seconds"], 1),
        "python": platform.python_version(),
        "images": len(train_set),
        "data_sha256": data_hash(train_set),
        "card": train_set.card,
        "curves": strips.curves(history),
    }
    blob = weights_of(method)
    if len(blob) > LIMIT:
        raise CourseError(
            f"{len(blob) / 1e6:.1f} MB are too much for a demo", out, "train a narrower network"
        )
    origin |= {"bytes": len(blob), "sha256": hashlib.sha256(blob).hexdigest()}
    files.replace_file(folder / f"{name}.safetensors", blob)
    return _with_scores(origin, method, folder / f"{name}.json")


def weights_of(method: Method) -> bytes:
    """A safetensors file of all networks, or their averages, which ``shipped.unpacked`` reads.

    Weights are whole numbers from -127 to 127, with a scale for each row of their first axis, which
    is a channel. Vectors are in half precision where it holds them: the variance of a channel may
    be above 65504, the largest number of float16.
    """
    packed = {}
    for network, net in method.networks.items():
        if not network.endswith("_average") and not isinstance(net, ImagePool):
            best = method.networks.get(f"{network}_average", net).state_dict()
            for key in net.state_dict():
                tensor, name = best[key].contiguous(), f"{network}.{key}"
                if tensor.is_floating_point() and tensor.ndim > 1:
                    rows = tensor.float().flatten(1)
                    scale = (rows.abs().amax(1) / 127).clamp(min=1e-12)
                    packed[name + shipped.SCALE] = scale
                    packed[name] = (rows / scale[:, None]).round().to(torch.int8).view_as(tensor)
                else:
                    fits = tensor.is_floating_point() and tensor.half().isfinite().all()
                    packed[name] = tensor.half() if fits else tensor
    return safetensors.torch.save(packed)


def measure(name: str, folder: Path = shipped.FILES) -> dict:
    """Score what is shipped again, on val and test, and write the scores into NAME.json."""
    origin = shipped.about(name, folder)
    method = untrained(folder / f"{name}.json", origin["run"], "cpu")
    shipped.load(name, method, folder)
    return _with_scores(origin, method, folder / f"{name}.json")


def _with_scores(origin: dict, method: Method, path: Path) -> dict:
    """``origin`` and scores on val and test, written to ``path``."""
    run = origin["run"]
    if method.translates:
        scores = {split: evaluate(method, run, run["data"], split) for split in ("val", "test")}
        for found in scores.values():  # letters have no chroma, for example
            for name in [name for name, value in found.items() if value != value]:
                del found[name]
    else:
        scores = {split: score_generated(method, run["data"], split) for split in ("val", "test")}
    files.replace_file(path, (json.dumps(origin | {"scores": scores}, indent=1) + "\n").encode())
    return origin | {"scores": scores}


def data_hash(dataset: Dataset) -> str:
    """SHA-256 of all x and y of a data set, as bytes of 0 to 255, in its order."""
    total = hashlib.sha256()
    for i in range(len(dataset)):
        item = dataset[i]
        for key in ("x", "y"):
            total.update(to_bytes(item[key][None]).cpu().numpy().tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=recipes())
    parser.add_argument("--out", type=Path)
    parser.add_argument("--score", action="store_true")
    parser.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    if arguments.score:
        measure(arguments.name)
    elif arguments.sheet:
        files.replace_file(arguments.sheet, strips.sheet(shipped.PREFIX + arguments.name))
    else:
        made = train(arguments.name, arguments.out or parser.error("give --out RUN"))
        print(f"{made['steps']} steps in {made['seconds'] / 60:.0f} min; look at {arguments.out}")
