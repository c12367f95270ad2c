"""Trained generators that come with the course: what the demos start with. Anywhere a run is asked for, they are
``shipped:NAME``; ``course weights`` lists them, and trains one again."""

import dataclasses
import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import safetensors.torch
from torch.utils.data import Dataset

from course_lib import runs
from course_lib.data import files, open_dataset
from course_lib.data.images import to_bytes
from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.training import checkpoint, profiles

FILES = Path(__file__).parent / "shipped_files"
PREFIX, SIZE, SEED = "shipped:", 64, 0
LIMIT = 9_000_000  # bytes of one file


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How one was trained: the profile cpu at 64 px, with ``settings``, for ``steps``."""

    title: str
    method: str
    data: str
    settings: tuple[str, ...]
    steps: int


WIDE, CODES = "base_channels=24", ("lr=0.0004", "lambda_kl=0.05")  # at the preset's, some codes z lead nowhere
RECIPES = {
    "edges-emoji": Recipe("outlines to emoji, one answer", "pix2pix", "emoji:edges", (WIDE,), 9000),
    "edges-emoji-many": Recipe("outlines to emoji, many answers", "bicyclegan", "emoji:edges", (WIDE, *CODES), 4000),
    "flat-3d": Recipe(  # without the identity terms a fox turned blue, and its way back was orange
        "flat emoji to 3-D and back",
        "cyclegan",
        "emoji:twemoji-fluent",
        (WIDE, "n_blocks=4", "identity_share=0.5"),
        6000,
    ),
    "facades": Recipe("label maps to houses, many answers", "bicyclegan", "facades", (WIDE, *CODES), 4000),
}


def name_of(folder: Path | str) -> str | None:
    """NAME of ``shipped:NAME``, None for a folder. Raises CourseError for a name that does not exist."""
    text = str(folder)
    if not text.startswith(PREFIX):
        return None
    name = text.removeprefix(PREFIX)
    if name not in RECIPES:
        raise CourseError(f"no shipped weights are called {name!r}", text, f"choose from {', '.join(RECIPES)}")
    return name


def about(name: str, folder: Path = FILES) -> dict:
    """Where the weights come from: command, seed, hash of the data, seconds, device, scores on held-out images."""
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def summary(name: str) -> str:
    """One line about the weights called ``name``."""
    origin, recipe = about(name), RECIPES[name]
    made = f"{origin['steps']} steps in {origin['seconds'] / 60:.0f} min, {origin['run']['device']}"
    return f"{name:18} {recipe.title}: {recipe.method}, {SIZE} px, {origin['bytes'] / 1e6:.1f} MB, {made}"


def load(name: str, device: str = "auto", folder: Path = FILES) -> tuple[Any, dict]:
    """(method, settings) as of ``runs.open_run``. The weights are the averaged ones, for G and its average alike.

    Raises CourseError if the file is not the one that its origin tells of.
    """
    origin = about(name, folder)
    blob = (folder / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(blob).hexdigest() != origin["sha256"]:
        raise CourseError("these weights are damaged", folder / f"{name}.safetensors", "install the course again")
    settings = origin["run"]
    cls = runs.method_class(settings["method"])
    method = cls(configs.build(cls.Config, **settings["config"]), profiles.pick_device(device))
    tensors = safetensors.torch.load(blob)
    for network in {key.partition(".")[0] for key in tensors}:
        own = {key.removeprefix(f"{network}."): t for key, t in tensors.items() if key.startswith(f"{network}.")}
        method.networks[network].load_state_dict(own)
        if f"{network}_average" in method.networks:  # which also counts its updates
            method.networks[f"{network}_average"].load_state_dict(own, strict=False)
    return method, settings


def train(name: str, out: Path) -> dict:
    """Train the weights called ``name`` again, into the run folder ``out``, and :func:`pack` them there.

    A run that was stopped goes on. Steps, not minutes, end it: on the same machine and versions the file is the same.
    """
    recipe = RECIPES[name]
    config = runs.make_config(recipe.method, "cpu", SIZE, list(recipe.settings))
    runs.train(recipe.method, recipe.data, out, config, steps=recipe.steps, seed=SEED, resume=True)
    return pack(name, out, out)


def pack(name: str, out: Path, folder: Path) -> dict:
    """Write NAME.safetensors (half precision) and NAME.json of the finished run ``out`` into ``folder``."""
    recipe, run = RECIPES[name], runs.read_settings(out)
    if run["data"] not in (recipe.data, str(Path(recipe.data).resolve())) or run["method"] != recipe.method:
        raise CourseError(f"this is a {run['method']} run on {run['data']}", out, f"train {name} in another folder")
    method, _ = runs.open_run(out, "cpu")
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
    train_set = open_dataset(recipe.data, "train", SIZE, seed=SEED)
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
    method, _ = load(name, "cpu", folder)  # what is measured is what is shipped
    origin["scores"] = {split: runs.score_run(method, run, recipe.data, split) for split in ("val", "test")}
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
