"""Trained generators that come with the course: what the demos start with.

Anywhere a run is asked for, they are ``shipped:NAME``; ``course weights`` lists them. They are made
by ``tools/making/ship.py``.
"""

import hashlib
import json
from pathlib import Path

import safetensors.torch
from torch import Tensor

from course_lib.errors import ensure
from course_lib.methods.base import Method
from course_lib.metrics import report

FILES = Path(__file__).parent / "shipped_files"
PREFIX = "shipped:"
SCALE = ":scale"  # ends the names of scales in a file of weights
# in the order in which they are shown
NAMES = (
    "panda",
    "landscape",
    "landscape-hd",
    "lines-emoji",
    "lines-emoji-l1",
    "facades",
    "facades-l1",
    "flat-3d-many",
    "day-night",
    "photos-colour",
    "photo-van-gogh",
    "photo-ukiyo-e",
    "letters",
    "letters-many",
    "letters-munit",
    "letters-flow",
)

# of the scores, those that stand for the others
MAIN = (
    *("l1", "baseline_mean_l1", "copy_l1", "diversity_l1", "fcn_iou", "chroma_ratio"),
    *("areas_committed", "letters_read"),
    "kid_features",
)


def name_of(folder: Path | str) -> str | None:
    """NAME of ``shipped:NAME``, None for a folder. Raises CourseError for an unknown name."""
    text = str(folder)
    if not text.startswith(PREFIX):
        return None
    name = text.removeprefix(PREFIX)
    ensure(
        name in NAMES,
        f"no shipped weights are called {name!r}",
        text,
        f"choose from {', '.join(NAMES)}",
    )
    return name


def about(name: str, folder: Path = FILES) -> dict:
    """Where the weights come from: command, seed, hash of the data, seconds, device, scores."""
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def origin(name: str) -> dict[str, object]:
    """What a person asks about the weights called ``name``; :func:`about` has the rest."""
    told = about(name)
    run, test = told["run"], told["scores"]["test"]
    sentences = " ".join(told["card"].split()).rstrip(".").split(". ")
    rows = {
        name: told["title"],
        "data": f"{run['data']}: {sentences[0]}",
        "licence": ". ".join(text for text in sentences if "licen" in text.lower()),
        "training": f"{run['method']}, {run['config']['image_size']} px, {told['steps']} steps in "
        f"{told['seconds'] / 60:.0f} min, {run['device']}, seed {run['seed']}",
        "weights": f"{told['bytes'] / 1e6:.1f} MB",
    }
    rows |= {f"test {score}": report.value_of(score, test) for score in MAIN if score in test}
    return rows | {"made again by": told["command"], "all of it": FILES / f"{name}.json"}


def load(name: str, method: Method, folder: Path = FILES) -> None:
    """Put the weights into ``method``, which has their settings.

    They are the averaged ones, for G and its average alike. Raises CourseError if the file is not
    the one that its origin tells of.
    """
    blob = (folder / f"{name}.safetensors").read_bytes()
    ensure(
        hashlib.sha256(blob).hexdigest() == about(name, folder)["sha256"],
        "these weights are damaged",
        folder / f"{name}.safetensors",
        "install the course again",
    )
    put(unpacked(safetensors.torch.load(blob)), method)


def unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of 8 bits times their scales, one for each row of the first axis.

    They are in half precision, so that an export of half the size holds them exactly.
    """
    weights = {name: tensor for name, tensor in tensors.items() if not name.endswith(SCALE)}
    for name in weights:
        if (scale := tensors.get(name + SCALE)) is not None:
            rows = weights[name].flatten(1) * scale[:, None]
            weights[name] = rows.half().view_as(weights[name])
    return weights


def put(tensors: dict[str, Tensor], method: Method) -> None:
    """Put weights into the networks by whose names theirs begin, and into their averages."""
    for network in {key.partition(".")[0] for key in tensors}:
        prefix = f"{network}."
        state = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
        method.networks[network].load_state_dict(state)
        if average := method.networks.get(f"{network}_average"):
            average.load_state_dict(state, strict=False)  # it also counts its updates
