"""A run begins, or goes on: ``course train``."""

import json
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from course_lib import __version__, training
from course_lib.data import PAIRED, files, names, open_dataset
from course_lib.errors import CourseError
from course_lib.methods import configs, method_class
from course_lib.networks import hardware
from course_lib.runs.opening import read_settings
from course_lib.training import devices, profiles
from course_lib.training.fit import Result, explained
from course_lib.training.state import check_folder


def make_config(
    method: str, profile: str = "auto", size: int | None = None, settings: list[str] | None = None
) -> Any:
    """A method's configuration: a preset, then ``size`` in pixels, then ``settings`` as ``key=value``.

    ``profile`` is auto, smoke, cpu or gpu, or another preset of the method, as paper is of all. Raises CourseError for
    what does not exist or cannot be.
    """
    cls = method_class(method)
    preset = (
        profile
        if profile in set(cls.PRESETS) - set(profiles.PROFILES)
        else profiles.resolve(profile)
    )
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
    compiled: bool = False,
    n_devices: int = 1,
    resume: bool = False,
    accept_changes: bool = False,
    **fit_options: Any,
) -> Result:
    """Train ``method`` on ``data`` into the folder ``out``: run.json, history.jsonl, checkpoints/, previews/.

    Everything is checked before ``out`` is made. With ``resume``, settings that differ from run.json raise CourseError
    unless ``accept_changes``. ``compiled`` is by torch.compile. ``n_devices`` above 1, or torchrun, makes so many
    processes (see devices.py).
    """
    cls, place = method_class(method), profiles.pick_device(device)
    n_devices, machines = devices.layout(n_devices, place)
    bf16 = profiles.use_bf16(place, bf16)
    train_set, val_set = _data(method, data, config, direction, seed)
    goes_on = resume and (out / "run.json").exists()
    old = _flat(read_settings(out)) if goes_on else None
    config = _with_channels(cls.adapt_config(config, train_set[0], direction), train_set.channels, old)
    settings = {
        "method": method,
        "data": _name(data),
        "direction": direction,
        "seed": seed,
        "bf16": bf16,
    }
    settings |= {
        "compiled": compiled,
        "devices": n_devices * machines,
        "config": configs.as_dict(config),
    }
    settings |= {"steps": steps, "minutes": minutes}
    check_folder(out, _flat(settings), resume, accept_changes, old, configs.defaults(cls.Config))
    ranks = devices.launch(n_devices, machines, place)
    place = ranks.device if ranks else place
    with (
        torch.random.fork_rng([place] if place.type == "cuda" else []),
        explained("building the networks"),
    ):
        torch.manual_seed(seed)  # of the first weights; the training itself is seeded by fit()
        model = cls(config, place, bf16)
    if compiled:
        hardware.compile_all(model.networks.values())
    settings |= {
        "versions": {"course_lib": __version__, "torch": torch.__version__},
        "device": profiles.device_name(),
    }
    return (ranks or training).fit(
        model, train_set, steps=steps, minutes=minutes, val=val_set, out=out, seed=seed, resume=resume,
        accept_changes=accept_changes, on_start=partial(_started, out, settings, device), **fit_options,
    )  # fmt: skip


def _data(method: str, data: str, config: Any, direction: str, seed: int) -> list[Dataset]:
    """The training and the validation part. Raises CourseError if ``method`` cannot learn from them."""
    splits = [
        open_dataset(data, s, config.image_size, direction, seed, config.load)
        for s in ("train", "val")
    ]
    if method_class(method).needs_pairs and not splits[0].paired:
        what = f"{method} learns from pairs, and {data} has none"
        paired = data + PAIRED if data + PAIRED in names() else "emoji:edges or a paired folder"
        raise CourseError(what, "--data", f"try {paired}")
    return splits


def _with_channels(config: Any, channels: tuple[int, int], old: dict | None) -> Any:
    """``config`` for such data, if the method has a choice and none was set; a run that goes on keeps what it has."""
    names = ("in_channels", "out_channels")
    if [configs.as_dict(config).get(name) for name in names] != [3, 3]:
        return config
    return replace(
        config, **{n: old.get(n, 3) if old else k for n, k in zip(names, channels, strict=True)}
    )


def _name(data: str) -> str:
    return (
        data
        if data in names() or (":" in data and not Path(data).exists())
        else str(Path(data).resolve())
    )


def _flat(settings: dict) -> dict:
    """What of run.json must not change, in one level: neither versions nor the device count."""
    facts = {
        key: value for key, value in settings.items() if key not in ("config", "versions", "device")
    }
    return {"compiled": False, "devices": 1} | facts | settings["config"]


def _started(out: Path, settings: dict, device: str) -> None:
    """``out`` is locked and can be written to: it becomes the folder of this run."""
    files.replace_file(out / "run.json", json.dumps(settings, indent=1).encode())
    if (
        device == "auto"
        and profiles.pick_device(device).type == "cpu"
        and not profiles.unused_gpu()
    ):
        warnings.warn(f"no GPU found: training on {profiles.device_name()}", stacklevel=2)
