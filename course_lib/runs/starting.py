"""A run begins, or goes on: ``course train``."""

import json
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from course_lib import __version__, training
from course_lib.data import PAIRED, files, names, open_dataset
from course_lib.errors import CourseError
from course_lib.methods import configs, method_class
from course_lib.methods.base import Method
from course_lib.runs.opening import read_settings
from course_lib.training import profiles
from course_lib.training.fit import Result, explained
from course_lib.training.state import check_folder


def make_config(
    method: str, profile: str = "auto", size: int | None = None, settings: list[str] | None = None
) -> Any:
    """A method's configuration: a preset, then ``size`` in pixels, then ``key=value`` settings.

    ``profile`` is auto, smoke, cpu or gpu, or another preset of the method, as paper is of all.
    Raises CourseError for what does not exist or cannot be.
    """
    cls = method_class(method)
    is_own = profile in cls.PRESETS and profile not in profiles.PROFILES
    preset = profile if is_own else profiles.resolve(profile)
    values = dict(cls.PRESETS[preset])
    if size is not None:
        values["image_size"] = size
    return configs.build(cls.Config, **values | configs.parse(cls.Config, settings or []))


def train(
    method: str,
    data: str,
    out: Path,
    config: Any,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    direction: str = "xy",
    device: str = "auto",
    bf16: bool | None = None,
    resume: bool = False,
    accept_changes: bool = False,
    **fit_options: Any,
) -> Result:
    """Train ``method`` on ``data`` into ``out``: run.json, history.jsonl, checkpoints/, previews/.

    Everything is checked before ``out`` is made. With ``resume``, settings that differ from
    run.json raise CourseError unless ``accept_changes``, and so does a setting of that run which no
    longer exists. ``fit_options`` go to ``training.fit``: previews, progress, workers ...
    """
    cls, place = method_class(method), profiles.pick_device(device)
    bf16 = profiles.use_bf16(place, bf16)
    train_set, val_set = _data(method, data, config, direction, seed)
    goes_on = resume and (out / "run.json").exists()
    old = _flat(cls, read_settings(out)) if goes_on else None
    config = cls.suited(config, train_set[0], direction)
    settings = {
        "method": method,
        "data": _name(data),
        "direction": direction,
        "seed": seed,
        "bf16": bf16,
        "config": configs.as_dict(config),
        "steps": steps,
        "minutes": minutes,
    }
    new = _flat(cls, settings)
    check_folder(out, new, resume, accept_changes, old, configs.defaults(cls.Config))
    with (
        torch.random.fork_rng([place] if place.type == "cuda" else []),
        explained("building the networks"),
    ):
        torch.manual_seed(seed)  # of the first weights; the training itself is seeded by fit()
        model = cls(config, place, bf16)
    settings["versions"] = {"course_lib": __version__, "torch": torch.__version__}
    settings["device"] = profiles.device_name()
    return training.fit(
        model,
        train_set,
        steps=steps,
        minutes=minutes,
        val=val_set,
        out=out,
        seed=seed,
        resume=resume,
        accept_changes=accept_changes,
        on_start=partial(_started, out, settings, device),
        **fit_options,
    )


def _data(method: str, data: str, config: Any, direction: str, seed: int) -> list[Dataset]:
    """The training and the validation part. Raises CourseError if they do not suit ``method``."""
    splits = [
        open_dataset(data, split, config.image_size, direction, seed, config.load)
        for split in ("train", "val")
    ]
    if method_class(method).needs_pairs and not splits[0].paired:
        what = f"{method} learns from pairs, and {data} has none"
        paired = data + PAIRED if data + PAIRED in names() else "emoji:edges or a paired folder"
        raise CourseError(what, "--data", f"try {paired}")
    return splits


def _name(data: str) -> str:
    """``data`` as run.json records it: the name of a data set, or a folder's whole path."""
    is_name = data in names() or (":" in data and not Path(data).exists())
    return data if is_name else str(Path(data).resolve())


def _flat(cls: type[Method], settings: dict) -> dict:
    """What of run.json must not change, in one level: neither versions nor the device."""
    apart = ("config", "versions", "device", "compiled", "devices")
    facts = {key: value for key, value in settings.items() if key not in apart}
    return facts | configs.without_removed(cls.Config, settings["config"])


def _started(out: Path, settings: dict, device: str) -> None:
    """``out`` is locked and can be written to: it becomes the folder of this run."""
    files.replace_file(out / "run.json", json.dumps(settings, indent=1).encode())
    on_cpu = profiles.pick_device(device).type == "cpu"
    if device == "auto" and on_cpu and not profiles.unused_gpu():
        warnings.warn(f"no GPU found: training on {profiles.device_name()}", stacklevel=2)
