"""How the shipped weights are made: trained again, packed, hashed and measured. ``course weights NAME --out RUN``."""

import hashlib
import json
import platform
from pathlib import Path

import safetensors.torch
from torch.utils.data import Dataset

from course_lib.data import files, open_dataset
from course_lib.data.images import to_bytes
from course_lib.errors import CourseError
from course_lib.runs import shipped, starting
from course_lib.runs.evaluating import score_run
from course_lib.runs.opening import open_run, read_settings
from course_lib.training import checkpoint

LIMIT = 9_000_000  # bytes of one file


def train(name: str, out: Path) -> dict:
    """Train the weights called ``name`` again, into the run folder ``out``, and :func:`pack` them there.

    A run that was stopped goes on. Steps, not minutes, end it: on the same machine and versions the file is the same.
    """
    recipe = shipped.RECIPES[name]
    config = starting.make_config(recipe.method, "cpu", shipped.SIZE, list(recipe.settings))
    starting.train(recipe.method, recipe.data, out, config, steps=recipe.steps, seed=shipped.SEED, resume=True)
    return pack(name, out, out)


def pack(name: str, out: Path, folder: Path) -> dict:
    """Write NAME.safetensors (half precision) and NAME.json of the finished run ``out`` into ``folder``."""
    recipe, run = shipped.RECIPES[name], read_settings(out)
    if run["data"] not in (recipe.data, str(Path(recipe.data).resolve())) or run["method"] != recipe.method:
        raise CourseError(f"this is a {run['method']} run on {run['data']}", out, f"train {name} in another folder")
    method, _ = open_run(out, "cpu")
    if (done := checkpoint.steps(out / "checkpoints")[-1]) < recipe.steps:
        raise CourseError(f"this run has made {done} of {recipe.steps} steps", out, "go on with the same command")
    halves = {}
    for network, net in method.networks.items():
        if any(True for _ in net.parameters()) and not network.endswith("_average"):  # an image pool has none
            best = method.networks.get(f"{network}_average", net).state_dict()
            tensors = {f"{network}.{key}": best[key].contiguous() for key in net.state_dict()}
            halves |= {key: t.half() if t.is_floating_point() else t for key, t in tensors.items()}
    blob = safetensors.torch.save(halves)
    if len(blob) > LIMIT:
        raise CourseError(f"{len(blob) / 1e6:.1f} MB are too much for a demo", out, "train a narrower network")
    history = [json.loads(line) for line in (out / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    train_set = open_dataset(recipe.data, "train", shipped.SIZE, seed=shipped.SEED)
    origin = {
        "title": recipe.title,
        "command": f"course weights {name} --out RUN",
        "run": run | {"data": recipe.data},
        "steps": recipe.steps,
        "seconds": round(history[-1]["seconds"], 1),
        "python": platform.python_version(),
        "images": len(train_set),
        "data_sha256": data_hash(train_set),
        "card": train_set.card,
        "bytes": len(blob),
        "sha256": hashlib.sha256(blob).hexdigest(),
    }
    files.replace_file(folder / f"{name}.safetensors", blob)
    files.replace_file(folder / f"{name}.json", json.dumps(origin, indent=1).encode())
    return measure(name, folder)


def measure(name: str, folder: Path = shipped.FILES) -> dict:
    """Score what is shipped again, on val and test, and write the scores into NAME.json: after a measure has changed.

    Returns the origin, as it is written. The weights and all else that is told of them stay.
    """
    origin, (method, run) = shipped.about(name, folder), shipped.load(name, "cpu", folder)
    origin["scores"] = {split: score_run(method, run, run["data"], split) for split in ("val", "test")}
    files.replace_file(folder / f"{name}.json", (json.dumps(origin, indent=1) + "\n").encode())
    return origin


def data_hash(dataset: Dataset) -> str:
    """SHA-256 of all x and y of a data set, as bytes of 0 to 255, in its order."""
    total = hashlib.sha256()
    for i in range(len(dataset)):
        item = dataset[i]
        for key in ("x", "y"):
            total.update(to_bytes(item[key][None]).cpu().numpy().tobytes())
    return total.hexdigest()
