"""A run begins, or goes on: ``course train``."""

import os
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset

from course_lib import __version__
from course_lib.data import DATA_SETS, PAIRED, files, open_dataset
from course_lib.errors import CourseError, ensure, explained
from course_lib.methods import configs, method_class
from course_lib.methods.base import Method
from course_lib.networks.hardware import seeded
from course_lib.runs import fine_tuning, traits
from course_lib.runs.folder import check_maps, read_settings
from course_lib.training import profiles
from course_lib.training.fit import Result, fit
from course_lib.training.run import check_settings


def make_config(
    method: str,
    profile: str = "auto",
    size: int | None = None,
    settings: list[str] | None = None,
    start: Path | str | None = None,
) -> Any:
    """A method's configuration: a preset, then ``size`` in pixels, then ``key=value`` settings.

    ``profile`` is auto, smoke, cpu or gpu, or another preset of the method, as paper is of all. In
    its place may stand ``start``, shipped weights or the folder of a run, whose settings are taken.
    Raises CourseError for what does not exist or cannot be.
    """
    cls = method_class(method)
    if start is None:
        is_own = profile in cls.PRESETS and profile not in profiles.PROFILES
        values = cls.PRESETS[profile if is_own else profiles.resolve(profile)]
        values = values if size is None else values | {"image_size": size}
    elif profile == "auto":
        values = fine_tuning.settings_of(start, method, size)
    else:
        raise CourseError(
            "the settings are those of the start",
            f"--profile {profile}",
            "leave one of them out; --set changes a setting of the start",
        )
    return configs.build(cls.Config, **values | configs.parse(cls.Config, settings or []))


def train(
    method: str,
    data: str,
    out: Path,
    config: Any = None,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    direction: str = "xy",
    device: str = "auto",
    bf16: bool | None = None,
    resume: bool | str = False,
    start: Path | str | None = None,
    **fit_options: Any,
) -> Result:
    """Train ``method`` on ``data`` into ``out``: run.json, history.jsonl, checkpoints/, previews/.

    Everything is checked before ``out`` is made. With ``resume``, settings that differ from
    run.json raise CourseError unless it is ``"changed"``, and so does a setting of that run which
    no longer exists. ``start``, the name of shipped weights or the folder of a run, is where the
    weights begin (see fine_tuning.py); without a ``config`` its settings are taken, too.
    ``fit_options`` go to fit(): previews, progress, workers.
    """
    cls, out, data = method_class(method), files.expanded(out), os.path.expanduser(data)
    config = config or make_config(method, start=start)
    begun = fine_tuning.open_start(start, method, config.image_size) if start is not None else None
    place = profiles.pick_device(device)
    bf16 = profiles.use_bf16(place, bf16)
    train_set, val_set = _data(method, data, config, direction, seed)
    goes_on = resume and (out / "run.json").exists()
    if not goes_on:
        files.check_apart(out, Path(data))
        files.check_fresh(out, "run.json", '"config"')
    if begun:
        item, option = (train_set[0], "--data") if direction == "xy" else ({}, "--direction yx")
        check_maps(begun.facts["name"], begun.model, item, option)  # maps are those of its x
    config = cls.adapt_config(config, train_set[0], direction)
    if config.keep == "best":
        _check_best(cls, val_set)
    settings = {
        "method": method,
        "data": _name(data),
        "direction": direction,
        "seed": seed,
        "bf16": bf16,
        "config": configs.as_dict(config),
        "steps": steps,
        "minutes": minutes,
        "start": begun.facts if begun else None,
        "look": traits.of_data(train_set) if cls.translates else None,
        "fingerprint": traits.fingerprint(data),
        "versions": {"course_lib": __version__, "torch": torch.__version__},
        "device": profiles.device_name(),
    }
    if goes_on:
        check_settings(out, cls.Config, _flat(read_settings(out)), _flat(settings), resume)
    # the first weights; the training itself is seeded by fit()
    with seeded(seed, place), explained("building the networks"):
        model = cls(config, place, bf16)
    if begun:
        begun.copy_into(model)
    has_none = device == "auto" and place.type == "cpu" and not profiles.unused_gpu()
    return fit(
        model,
        train_set,
        steps=steps,
        minutes=minutes,
        val=val_set,
        out=out,
        seed=seed,
        resume=resume,
        record=settings,
        remark=f"no GPU found: training on {settings['device']}" if has_none else "",
        **fit_options,
    )


def _data(method: str, data: str, config: Any, direction: str, seed: int) -> list[Dataset]:
    """The training and the validation part. Raises CourseError if they do not suit ``method``."""
    cls, of = method_class(method), (config.image_size, direction, seed, config.load)
    splits = [
        open_dataset(data, split, *of, config.jitter, single=cls.single)
        for split in ("train", "val")
    ]
    folder = "emoji:edges, or a folder with A|B images or with equal names in A/ and B/"
    ensure(
        splits[0].paired or not cls.needs_pairs,
        f"{method} learns from pairs, and {data} has none"
        + f": {splits[0].card}" * (data not in DATA_SETS),  # which tells what was found
        "--data",
        f"try {data + PAIRED if data + PAIRED in DATA_SETS else folder}",
    )
    return splits


def _check_best(cls: type, val_set: Dataset) -> None:
    """Raises CourseError if no preview can be the best one."""
    groups = val_set.groups or range(len(val_set))
    ensure(
        cls.finish is Method.finish,
        f"{cls.__name__} learns its styles after the last step, and no best one has any",
        "--keep best",
        "leave it out",
    )
    ensure(
        len({*groups}) >= 3 or (val_set.paired and cls.translates),
        f"KID needs 3 images of val, and here are {len({*groups})}",
        "--keep best",
        "add images, or leave it out",
    )


def _name(data: str) -> str:
    """``data`` as run.json records it: the name of a data set, or a folder's whole path."""
    is_name = data in DATA_SETS or (":" in data and not Path(data).exists())
    return data if is_name else str(Path(data).resolve())


def _flat(settings: dict) -> dict:
    """What of run.json must not change, in one level; versions and the device may."""
    # older runs recorded their "ranks", of which there was one
    free = ("config", "versions", "device", "look", "fingerprint", "ranks")
    return {key: value for key, value in settings.items() if key not in free} | settings["config"]
