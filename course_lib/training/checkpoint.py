"""Checkpoints that survive: a folder each, written aside and renamed, with SHA-256 over every byte that matters.

    OUT/checkpoints/00001200/tensors.safetensors    weights, optimiser moments, random states
    OUT/checkpoints/00001200/state.json             the rest, the hash of the tensors, and a hash of itself

Neither torch nor safetensors notices a flipped bit; nothing here is ever unpickled.
"""

import hashlib
import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from course_lib.data.files import ASIDE, write_durably, writing
from course_lib.errors import CourseError


def save(folder: Path, step: int, tensors: dict[str, Tensor], state: dict, keep: int = 2) -> Path:
    """Write the checkpoint of ``step`` below ``folder`` and drop all but the newest ``keep``. Returns its path.

    Either the whole checkpoint is there afterwards or nothing changed. Raises CourseError if the disk refuses it.
    """
    final, aside = folder / f"{step:08d}", folder / f"{ASIDE}{step:08d}"
    with writing("a checkpoint", final, sum(t.nbytes for t in tensors.values())):
        try:
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            blob = safetensors.torch.save(
                {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
            )
            document = {
                "step": step,
                "tensors_sha256": hashlib.sha256(blob).hexdigest(),
                "state": state,
            }
            write_durably(aside / "tensors.safetensors", blob)
            write_durably(aside / "state.json", _bytes(document | {"sha256": _digest(document)}))
            _sync_folder(aside)
            _drop(final)  # a damaged one of the same step, which the resumed run had passed over
            os.rename(aside, final)
            _sync_folder(folder)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        # newer ones are damaged, or this run would have resumed there: they count for nothing
        for old in [s for s in steps(folder) if s <= step][:-keep]:
            _drop(folder / f"{old:08d}")
    return final


def _drop(path: Path) -> None:
    """Remove a checkpoint. Renamed first: a kill in the middle must not leave half of one."""
    if path.exists():
        aside = path.with_name(f"{ASIDE}old-{path.name}")
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(path, aside)
        shutil.rmtree(aside, ignore_errors=True)


def steps(folder: Path) -> list[int]:
    """Steps of the finished checkpoints below ``folder``, oldest first; by step, since clocks go backwards."""
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def load(path: Path) -> tuple[int, dict[str, Tensor], dict]:
    """(step, tensors, state) of the checkpoint at ``path``. Raises CourseError if a byte of it is wrong or missing."""
    try:
        raw, blob = ((path / name).read_bytes() for name in ("state.json", "tensors.safetensors"))
        document = json.loads(raw)
        claimed = document.pop("sha256")
        # compared as bytes, too: 1e-05 and 1E-05 differ by one bit and mean the same
        if _digest(document) != claimed or _bytes(document | {"sha256": claimed}) != raw:
            raise ValueError("the SHA-256 of state.json does not match")
        if hashlib.sha256(blob).hexdigest() != document["tensors_sha256"]:
            raise ValueError("the SHA-256 of tensors.safetensors does not match")
        return document["step"], safetensors.torch.load(blob), document["state"]
    except Exception as error:  # whatever the parsers say to bytes that are not theirs
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        fix = "delete this folder; an older checkpoint beside it is used instead"
        raise CourseError(f"checkpoint is damaged: {reason}", path, fix) from error


def load_latest(folder: Path) -> tuple[int, dict[str, Tensor], dict] | None:
    """The newest good checkpoint below ``folder``, None if there never was one; damaged ones are passed over, warning.

    Raises CourseError if there are some and none is good.
    """
    found = steps(folder)
    for step in reversed(found):
        try:
            return load(folder / f"{step:08d}")
        except CourseError as error:
            warnings.warn(f"{error.what} ({error.where}); trying the one before", stacklevel=2)
    if found:
        raise CourseError("no checkpoint here is readable", folder, "start again in another folder")
    return None


def snapshot(method: Any) -> dict[str, Tensor]:
    """Every tensor of a method: weights and statistics of its networks, moments of its optimisers."""
    out = _weights(method)
    for name, optimizer in method.optimizers.items():
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for i, parameter in enumerate(parameters):
            out |= {
                f"{name}.{i}.{key}": tensor
                for key, tensor in optimizer.state.get(parameter, {}).items()
            }
    return out


def renamed(cls: type, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """``tensors`` of a run of the method ``cls`` by their names of today (``cls.RENAMED``)."""
    for old, new in cls.RENAMED.items():
        tensors = {name.replace(old, new): tensor for name, tensor in tensors.items()}
    return tensors


def restore(method: Any, tensors: dict[str, Tensor], where: Path, optimizers: bool = True) -> None:
    """The inverse of :func:`snapshot`, in place. Raises CourseError naming the first five entries that do not fit."""
    own, tensors = _weights(method), renamed(type(method), tensors)
    names = own | {
        name: 0 for name in tensors if name.partition(".")[0] in method.networks
    }  # of either, in order
    shapes = {
        name: [tuple(side[name].shape) if name in side else "none" for side in (tensors, own)]
        for name in names
    }
    wrong = [
        f"{name} {theirs} for {ours}" for name, (theirs, ours) in shapes.items() if theirs != ours
    ]
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        what = f"the checkpoint is of another architecture: {shown}"
        raise CourseError(what, where, "use the settings of its run.json")
    for name, tensor in own.items():
        tensor.copy_(tensors[name])
    for name, optimizer in method.optimizers.items() if optimizers else []:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for i, parameter in enumerate(parameters):
            prefix = f"{name}.{i}."
            for key in [k for k in tensors if k.startswith(prefix)]:
                # moments must keep the memory layout of their parameter, which the file does not
                moment = tensors[key].to(parameter.device)
                kept = (
                    torch.empty_like(parameter).copy_(moment)
                    if moment.shape == parameter.shape
                    else moment
                )
                optimizer.state[parameter][key.removeprefix(prefix)] = kept


def _weights(method: Any) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": t
        for name, net in method.networks.items()
        for key, t in net.state_dict().items()
    }


def _bytes(document: dict) -> bytes:
    return json.dumps(document, indent=1).encode()


def _digest(document: dict) -> str:
    return hashlib.sha256(_bytes(document)).hexdigest()


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # Windows cannot open a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
