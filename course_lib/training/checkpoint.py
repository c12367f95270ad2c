"""Checkpoints that survive: a file each, written aside and renamed, that ends with its SHA-256.

    OUT/checkpoints/00001200.checkpoint

Before the hash it is a safetensors file: weights, optimiser moments and random states, and in its
header, as JSON, what else a run needs. Neither torch nor safetensors notices a flipped bit; nothing
here is ever unpickled.
"""

import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from course_lib.data.files import replace_file
from course_lib.errors import CourseError, ensure, telling

KEPT = 2  # checkpoints of a run: the newest may be damaged
DIGEST = 32  # bytes of the hash


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of ``step`` lies below ``folder``."""
    return folder / f"{step:08d}.checkpoint"


def save(
    folder: Path, step: int, tensors: dict[str, Tensor], state: dict, again: Sequence[int] = ()
) -> None:
    """Write the checkpoint of ``step`` below ``folder`` and drop all but the newest KEPT.

    ``again`` are steps where the run may go on after a kill, which forgets what came later: the
    newest checkpoint up to each is kept, too. Either the whole checkpoint is there afterwards or
    nothing changed. Raises CourseError if the disk refuses it.
    """
    on_cpu = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    blob = safetensors.torch.save(on_cpu, {"run": json.dumps({"step": step, "state": state})})
    replace_file(path_of(folder, step), blob + hashlib.sha256(blob).digest())
    # newer ones are damaged, or this run would have resumed there: they count for nothing
    older = [s for s in steps(folder) if s <= step]
    kept = older[-KEPT:] + [max((s for s in older if s <= at), default=at) for at in again]
    for old in {*older} - {*kept}:
        path_of(folder, old).unlink()


def steps(folder: Path) -> list[int]:
    """Steps of the finished checkpoints below ``folder``, oldest first: clocks go backwards."""
    return sorted(int(p.stem) for p in folder.glob("*.checkpoint") if p.stem.isdecimal())


def load(path: Path) -> tuple[int, dict[str, Tensor], dict]:
    """(step, tensors, state) of the checkpoint at ``path``.

    Raises CourseError if a byte of it is wrong or missing.
    """
    with telling(
        Exception,  # whatever the parsers say to bytes that are not theirs
        "checkpoint is damaged",
        path,
        "delete this file; an older checkpoint beside it is used instead",
    ):
        raw = path.read_bytes()
        blob = raw[:-DIGEST]
        if hashlib.sha256(blob).digest() != raw[-DIGEST:]:
            raise ValueError("its SHA-256 does not match")
        tensors, length = safetensors.torch.load(blob), int.from_bytes(blob[:8], "little")
        told = json.loads(json.loads(blob[8 : 8 + length])["__metadata__"]["run"])
        return told["step"], tensors, told["state"]


def load_latest(folder: Path) -> tuple[int, dict[str, Tensor], dict] | None:
    """The newest good checkpoint below ``folder``, as :func:`load` gives it; None if there is none.

    Damaged ones are passed over with a warning. Raises CourseError if there are only such.
    """
    all_steps = steps(folder)
    for step in reversed(all_steps):
        try:
            return load(path_of(folder, step))
        except CourseError as error:
            warnings.warn(f"{error.what} ({error.where}); trying the one before", stacklevel=2)
    ensure(not all_steps, "no checkpoint here is readable", folder, "start again in another folder")
    return None


def snapshot(method: Any) -> dict[str, Tensor]:
    """Every tensor of a method: weights and statistics of its networks, moments of optimisers."""
    tensors = _weights(method)
    for name, optimizer in method.optimizers.items():
        for i, parameter in enumerate(optimizer.param_groups[0]["params"]):
            for key, moment in optimizer.state.get(parameter, {}).items():
                tensors[f"{name}.{i}.{key}"] = moment
    return tensors


def private(method: Any) -> dict[str, Tensor]:
    """What of :func:`snapshot` each of several ranks has of its own, on the CPU.

    That is what does not learn: pools of earlier fakes, and batch statistics.
    """
    learned = {p.data_ptr() for net in method.networks.values() for p in net.parameters()}
    return {name: t.cpu() for name, t in _weights(method).items() if t.data_ptr() not in learned}


def restore(method: Any, tensors: dict[str, Tensor], where: Path, optimizers: bool = True) -> None:
    """The inverse of :func:`snapshot`, in place.

    Raises CourseError that names the first five entries that do not fit.
    """
    weights = _weights(method)
    ours = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    theirs = {
        n: tuple(t.shape) for n, t in tensors.items() if n.partition(".")[0] in method.networks
    }
    wrong = [
        f"{name} {theirs.get(name, 'none')} for {ours.get(name, 'none')}"
        for name in ours | theirs
        if theirs.get(name) != ours.get(name)
    ]
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    ensure(
        not wrong,
        f"the checkpoint is of another architecture: {', '.join(wrong[:5])}{more}",
        where,
        "use the settings of its run.json",
    )
    for name, tensor in weights.items():
        tensor.copy_(tensors[name])
    for name, optimizer in method.optimizers.items() if optimizers else []:
        for i, parameter in enumerate(optimizer.param_groups[0]["params"]):
            prefix = f"{name}.{i}."
            for key in [key for key in tensors if key.startswith(prefix)]:
                moment = tensors[key].to(parameter.device)
                if moment.shape == parameter.shape:
                    # the memory layout must be that of the parameter, which the file does not know
                    moment = torch.empty_like(parameter).copy_(moment)
                optimizer.state[parameter][key.removeprefix(prefix)] = moment


def _weights(method: Any) -> dict[str, Tensor]:
    states = {name: net.state_dict() for name, net in method.networks.items()}
    return {f"{name}.{key}": tensor for name, of in states.items() for key, tensor in of.items()}
