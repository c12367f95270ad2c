"""Trained generators that come with the course: what the demos start with.

Anywhere a run is asked for, they are ``shipped:NAME``; ``course weights`` lists them. They are made
by ``tools/ship.py``.
"""

import dataclasses
import hashlib
import json
from pathlib import Path

import safetensors.torch

from course_lib.errors import CourseError
from course_lib.methods import configs, method_class
from course_lib.methods.base import Method
from course_lib.training import checkpoint, profiles

FILES = Path(__file__).parent / "shipped_files"
PREFIX = "shipped:"
SEED = 0  # what the trainings start with


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How one was trained: the profile cpu at ``size`` px, with ``settings``, for ``steps``."""

    title: str
    method: str
    data: str
    size: int
    settings: tuple[str, ...]
    steps: int
    direction: str = "xy"
    start: "Recipe | None" = None  # of a network that is trained first, and goes on from there


CODES = ("lr=0.0004", "lambda_kl=0.05")  # at the preset's, some codes z lead nowhere
DEEP = "n_blocks=6", "d_layers=3"
# No level for 2 x 2 px and 1 px: channels instead.
SHALLOW = ("base_channels=28", "levels=5", "d_layers=3")
HD = (
    "base_channels=24",
    "n_blocks=4",
    "d_base_channels=24",
    "d_layers=3",
    "d_scales=3",
    "use_features=True",
    "batch_size=1",
    "lr=0.0004",
    "average=0.998",
)
RECIPES = {
    "edges-emoji": Recipe(
        "outlines to emoji, one answer", "pix2pix", "emoji:edges", 128, (), 18_000
    ),
    "edges-emoji-many": Recipe(
        "outlines to emoji, many answers",
        "bicyclegan",
        "emoji:edges",
        128,
        (*SHALLOW, *CODES, "lambda_kl=0.01"),  # with 0.05 the style of a blue heart came out violet
        4200,
    ),
    "flat-3d": Recipe(  # without the identity terms a fox turned blue, and its way back was orange
        "flat emoji to 3-D and back",
        "cyclegan",
        "emoji:twemoji-fluent",
        128,
        (*DEEP, "identity_share=0.5"),
        9000,
    ),
    "facades": Recipe("label maps to houses, one answer", "pix2pix", "facades", 128, (), 7200),
    "facades-many": Recipe(
        "label maps to houses, many answers", "bicyclegan", "facades", 128, (*SHALLOW, *CODES), 4200
    ),
    "flat-3d-many": Recipe(  # at 128 px eyes and edges became whole
        "flat emoji to 3-D, many answers",
        "munit",
        "emoji:twemoji-fluent",
        128,
        ("base_channels=24", "lr=0.0002"),
        2700,
        start=Recipe("coarse", "munit", "emoji:twemoji-fluent", 64, ("base_channels=24",), 16_000),
    ),
    "facades-hd": Recipe(
        "scenes to houses, a style for each object",
        "pix2pixhd",
        "facades:touching",
        256,
        HD,
        10_000,
    ),
    "day-night": Recipe(
        "houses by day and by night", "cyclegan", "facades:day-night", 128, DEEP, 9000
    ),
    "photos-colour": Recipe(  # longer, it learned 45 photographs by heart: an orange mountain
        "grey photographs to colour",
        "pix2pix",
        "photos:colour",
        128,
        (*SHALLOW, "dropout=0.5", "diff_augment=True"),
        2400,
    ),
}


def name_of(folder: Path | str) -> str | None:
    """NAME of ``shipped:NAME``, None for a folder. Raises CourseError for an unknown name."""
    text = str(folder)
    if not text.startswith(PREFIX):
        return None
    name = text.removeprefix(PREFIX)
    if name not in RECIPES:
        raise CourseError(
            f"no shipped weights are called {name!r}", text, f"choose from {', '.join(RECIPES)}"
        )
    return name


def about(name: str, folder: Path = FILES) -> dict:
    """Where the weights come from: command, seed, hash of the data, seconds, device, scores."""
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def summary(name: str) -> str:
    """One line about the weights called ``name``."""
    origin, recipe = about(name), RECIPES[name]
    size = f"{recipe.size} px, {origin['bytes'] / 1e6:.1f} MB"
    made = f"{origin['steps']} steps in {origin['seconds'] / 60:.0f} min"
    made += f", {origin['run']['device']}"
    return f"{name:18} {recipe.title}: {recipe.method}, {size}, {made}"


def load(name: str, device: str = "auto", folder: Path = FILES) -> tuple[Method, dict]:
    """(method, settings) as of ``runs.open_run``.

    The weights are the averaged ones, for G and its average alike. Raises CourseError if the file
    is not the one that its origin tells of.
    """
    origin = about(name, folder)
    blob = (folder / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(blob).hexdigest() != origin["sha256"]:
        raise CourseError(
            "these weights are damaged", folder / f"{name}.safetensors", "install the course again"
        )
    settings = origin["run"]
    cls = method_class(settings["method"])
    method = cls(configs.from_run(cls.Config, settings["config"]), profiles.pick_device(device))
    states: dict[str, dict] = {}
    for key, tensor in checkpoint.renamed(cls, safetensors.torch.load(blob)).items():
        network, _, part = key.partition(".")
        states.setdefault(network, {})[part] = tensor
    for network, state in states.items():
        method.networks[network].load_state_dict(state)
        if f"{network}_average" in method.networks:  # which also counts its updates
            method.networks[f"{network}_average"].load_state_dict(state, strict=False)
    return method, settings
