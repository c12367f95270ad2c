"""Small runs and untrained methods, and what a run makes of a picture."""

from collections.abc import Sequence
from pathlib import Path

import torch

from course_lib import runs
from course_lib.methods.base import Method


def untrained(name: str, size: int | None = None, *settings: str) -> Method:
    """A method of the profile smoke, always with the same weights."""
    torch.manual_seed(0)
    return runs.method_class(name)(runs.make_config(name, "smoke", size, [*settings]))


def trained(
    out: Path,
    data: Path | str = "emoji:edges",
    name: str = "pix2pix",
    size: int | None = 16,
    settings: Sequence[str] = (),
    **options,
) -> Path:
    """The folder of a run of one step, unless ``options`` of ``runs.train`` say otherwise."""
    config = runs.make_config(name, "smoke", size, [*settings])
    usual = {"steps": 1, "previews": 0, "progress": False, "device": "cpu"}
    runs.train(name, str(data), out, config, **usual | options)
    return out


def translated(run: Path | str, source: Path, target: Path, **options) -> Path:
    """The one file that comes of a picture."""
    (path,) = runs.translate_files(Path(run), source, target, device="cpu", **options)
    return path
