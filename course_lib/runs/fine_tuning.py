"""Fine-tuning: a training that starts from a shipped network, or from another run.

It takes over every network: G, D, encoders, and the averages of their weights. Optimisers are
fresh, and pools of earlier fakes empty. The settings are the start's, of which those of the layers
cannot change.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.errors import CourseError, ensure
from course_lib.methods import configs
from course_lib.methods.base import Method
from course_lib.methods.image_pool import ImagePool
from course_lib.runs import shipped
from course_lib.runs.folder import config_of, open_run, read_settings
from course_lib.training import checkpoint


def full_name(start: Path | str) -> str:
    """``start`` as a run is named: NAME alone is ``shipped:NAME``, unless a folder is called so."""
    start = os.path.expanduser(start)
    is_short = str(start) in shipped.NAMES and not Path(start).exists()
    return f"{shipped.PREFIX}{start}" if is_short else str(start)


def settings_of(start: Path | str, method: str, size: int | None = None) -> dict[str, Any]:
    """The configuration, as a dict, of a training of ``method`` from ``start``, at ``size`` px.

    A U-Net keeps its depth. Raises CourseError for a start that cannot be read or is of another
    method.
    """
    run = read_settings(full_name(start))
    ensure(
        run["method"] == method,
        f"{start} is a {run['method']} run, and {method} has other networks",
        "--start",
        f"course train {run['method']} --start {start}",
    )
    values = configs.as_dict(config_of(full_name(start), run))
    old = values["image_size"]
    if size not in (None, old) and "levels" in values and values.get("generator") != "resnet":
        values["levels"] = values["levels"] or old.bit_length() - 1
    return values | {"image_size": size or old}


class Start(NamedTuple):
    """A trained run as the beginning of another."""

    model: Method
    facts: dict[str, Any]  # name, steps that it has learned for, sha256 of its file of weights

    def copy_into(self, model: Method) -> None:
        """Copy the networks into ``model``. An average that is new begins with the weights.

        All averages count their updates from 0, so that they soon follow the new training: at the
        full decay they would stay with the old task for hundreds of steps.

        Raises CourseError for tensors that do not fit: settings have made other layers, or layers
        depend on the image size, and that has changed.
        """
        given, tensors = self.model.networks, {}
        for name, net in model.networks.items():
            state = dict(net.state_dict())  # of a pool, which stays empty
            if not isinstance(net, ImagePool):
                source = given.get(name) or given.get(name.removesuffix("_average"))
                age = {key: state[key] for key in state.keys() & {"updates"}}
                state = source.state_dict() | age if source else {}
            tensors |= {f"{name}.{key}": tensor for key, tensor in state.items()}
        try:
            checkpoint.restore(model, tensors, Path(self.facts["name"]), optimizers=False)
        except CourseError as error:
            before, now = configs.as_dict(self.model.config), configs.as_dict(model.config)
            changes = configs.differences(before, now)
            raise CourseError(
                f"the weights of {self.facts['name']} belong to other layers"
                f"{error.what.partition('architecture')[2]}",
                f"what has changed: {'; '.join(changes)}",
                "leave out those settings that make other layers, or train without --start",
            ) from error


def open_start(start: Path | str, method: str, size: int) -> Start:
    """Open what ``start`` names. Raises CourseError as :func:`settings_of` and `runs.open_run`."""
    settings_of(start, method, size)
    name = full_name(start)
    model = open_run(name, "cpu")[0]
    if short := shipped.name_of(name):
        facts = shipped.about(short)
    else:
        name, folder = str(Path(name).resolve()), Path(name) / "checkpoints"
        step = checkpoint.load_latest(folder)[0]
        weights = (folder / f"{step:08d}" / "tensors.safetensors").read_bytes()
        facts = {"steps": step, "sha256": hashlib.sha256(weights).hexdigest()}
    return Start(model, {"name": name, "steps": facts["steps"], "sha256": facts["sha256"]})
