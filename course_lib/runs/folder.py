"""A trained run is opened again: its settings, its method with weights, and its direction."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from course_lib.data import DIRECTIONS
from course_lib.data.files import expanded, read_words, what_lies_at
from course_lib.errors import CourseError, check_choice, ensure, telling
from course_lib.methods import configs, method_class
from course_lib.methods.base import Method
from course_lib.networks.hardware import seeded
from course_lib.runs import shipped
from course_lib.training import checkpoint, profiles


def read_settings(folder: Path | str) -> dict:
    """run.json of a run, or of ``shipped:NAME``; of NAME.safetensors what its header tells.

    Such a file a page writes that trains (``demo/static/train.js``). Raises CourseError if
    ``folder`` holds none.
    """
    if name := shipped.name_of(folder):
        return shipped.about(name)["run"]
    try:
        settings = json.loads(
            safetensors.safe_open(expanded(folder), "pt").metadata()["run"]
            if is_file(folder)
            else read_words(expanded(folder) / "run.json")
        )
        return settings | {
            "config": dict(settings["config"]),
            "method": str(settings["method"]),
            "data": str(settings["data"]),
            "direction": str(settings["direction"]),
            "look": settings["look"],
        }
    except (OSError, ValueError, TypeError, KeyError, safetensors.SafetensorError) as error:
        place, found = expanded(folder), what_lies_at(expanded(folder))
        why = getattr(error, "strerror", None) or "run.json is not whole"
        fix = "give the --out folder of course train, or shipped:NAME (see course weights)"
        near = [*sorted(place.glob("*/run.json")), *(up / "run.json" for up in place.parents[:2])]
        if close := [run.parent for run in near if os.path.isfile(run)]:
            fix = f"give {close[0]}"
        if found == "an archive":
            fix = "unpack it, and give the folder of the run"
        if found in ("an archive", "a file"):
            why = f"it is {found}, not a folder"
        raise CourseError(f"no readable run here: {why}", folder, fix) from error


def is_file(folder: Path | str) -> bool:
    """Whether a run is one file of weights, which has its settings in its header."""
    return Path(folder).suffix == ".safetensors" and os.path.isfile(expanded(folder))


def config_of(folder: Path | str, settings: dict) -> Any:
    """The configuration that ``settings``, of the run in ``folder``, tell.

    Raises CourseError if they do not fit the method, or if one of them no longer exists.
    """
    with telling(
        (KeyError, TypeError),
        f"run.json does not fit {settings['method']}",
        folder,
        "restore run.json",
    ):
        return configs.build(method_class(settings["method"]).Config, **settings["config"])


def untrained(folder: Path | str, settings: dict, device: str) -> Method:
    """The method that ``settings``, of the run in ``folder``, tell, with weights at random."""
    place = profiles.pick_device(device)
    with seeded(0, place):
        return method_class(settings["method"])(config_of(folder, settings), place)


def open_run(folder: Path | str, device: str = "auto") -> tuple[Method, dict]:
    """(method, settings) of a trained run, with the weights of its newest good checkpoint.

    ``folder`` may be ``shipped:NAME``. Raises CourseError if there is nothing to open, and for a
    run whose settings no longer exist.
    """
    settings = read_settings(folder)
    method = untrained(folder, settings, device)
    if name := shipped.name_of(folder):
        shipped.load(name, method)
        return method, settings
    if is_file(folder):
        with telling(
            (RuntimeError, KeyError, safetensors.SafetensorError),
            "these weights do not fit what their header tells",
            folder,
            "save the network again",
        ):
            shipped.put(safetensors.torch.load_file(expanded(folder)), method)
        return method, settings
    latest = checkpoint.load_latest(expanded(folder) / "checkpoints")
    ensure(
        latest is not None and latest[0] > 0,
        "this run has not learned anything yet",
        folder,
        "train for longer",
    )
    checkpoint.restore(method, latest[1], Path(folder), optimizers=False)
    return method, settings


def open_translator(folder: Path | str, device: str) -> tuple[Method, dict]:
    """As :func:`open_run`. Raises CourseError for a run that makes images from noise."""
    method, settings = open_run(folder, device)
    ensure(
        method.translates,
        f"a {settings['method']} run makes images from noise: it has no input to translate",
        folder,
        "look at its previews/, or in Python: runs.open_run(FOLDER)[0].generate(16)",
    )
    return method, settings


def in_direction(method: Method, settings: dict, direction: str, folder: Path | str) -> Method:
    """``method`` as a translator in ``direction``.

    Raises CourseError if there is no such direction, or if the run has learned the other one only.
    """
    check_choice("direction", direction, DIRECTIONS)
    if direction == settings["direction"]:
        return method
    ensure(
        len(method.directions) > 1,
        f"this run translates {settings['direction']}, not {direction}",
        folder,
        f"train another one with --direction {direction}",
    )
    return swapped(method)


def check_maps(name: str, method: Method, item: dict, where: str = "--data") -> None:
    """Raises CourseError if an ``item`` lacks maps from which the ``method`` of a run paints."""
    ensure(
        set(method.maps) <= item.keys(),
        f"{name} paints from {' and '.join(method.maps)} of x, and these data have none",
        where,
        "try --data facades --direction xy",
    )


def swapped(method: Method) -> Method:
    """``method``, which translates both ways, seen from the other side: its x is the other's y.

    Codes are those of the domain that is the output now. Everything else is shared.
    """
    other = copy.copy(method)

    def translate(x: Tensor, z: Tensor | None = None, direction: str = "xy") -> dict[str, Tensor]:
        return method.translate(x, z, direction[::-1])

    def encode(y: Tensor, direction: str = "xy") -> Tensor:
        return method.encode(y, direction[::-1])

    other.translate, other.encode = translate, encode
    return other
