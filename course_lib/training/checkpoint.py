"""Checkpoints that survive: a folder each, written aside and renamed, with SHA-256 of every byte.

    OUT/checkpoints/00001200/tensors.safetensors    weights, optimiser moments, random states
    OUT/checkpoints/00001200/state.json             the rest, both files' hashes

Neither torch nor safetensors notices a flipped bit; nothing here is ever unpickled.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from course_lib.data.files import ASIDE, write_durably, writing
from course_lib.errors import CourseError, ensure, note, telling

KEPT = 2  # checkpoints of a run: the newest may be damaged


def save(folder: Path, step: int, tensors: dict[str, Tensor], state: dict) -> None:
    """Write the checkpoint of ``step`` below ``folder`` and drop all but the newest KEPT.

    Either the whole checkpoint is there afterwards or nothing changed. Raises CourseError if the
    disk refuses it.
    """
    final = folder / f"{step:08d}"
    aside = folder / f"{ASIDE}{step:08d}"
    with writing("a checkpoint", final, sum(tensor.nbytes for tensor in tensors.values())):
        try:
            aside.mkdir(parents=True)
            on_cpu = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
            blob = safetensors.torch.save(on_cpu)
            document = {"step": step, "tensors_sha256": _sha256(blob), "state": state}
            write_durably(aside / "tensors.safetensors", blob)
            write_durably(aside / "state.json", _signed(document))
            _sync_folder(aside)
            drop(final)  # a damaged one of the same step, which the resumed run had passed over
            os.rename(aside, final)
            _sync_folder(folder)  # a power cut must not undo the rename
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        # newer ones are damaged, or this run would have resumed there: they count for nothing
        known = [s for s in steps(folder) if s <= step]
        for old in known[:-KEPT]:
            drop(folder / f"{old:08d}")


def drop(path: Path) -> None:
    """Remove a checkpoint. Renamed first: a kill in the middle must not leave half of one."""
    if path.exists():
        aside = path.with_name(f"{ASIDE}old-{path.name}")
        os.rename(path, aside)
        shutil.rmtree(aside, ignore_errors=True)


def steps(folder: Path) -> list[int]:
    """Steps of the finished checkpoints below ``folder``, oldest first: clocks go backwards."""
    return sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())


def load(path: Path) -> tuple[int, dict[str, Tensor], dict]:
    """(step, tensors, state) of the checkpoint at ``path``.

    Raises CourseError if a byte of it is wrong or missing.
    """
    with telling(
        Exception,  # whatever the parsers say to bytes that are not theirs
        "checkpoint is damaged",
        path,
        "delete this folder; an older checkpoint beside it is used instead",
    ):
        raw = (path / "state.json").read_bytes()
        blob = (path / "tensors.safetensors").read_bytes()
        document = json.loads(raw)
        document.pop("sha256")
        # compared as bytes: 1e-05 and 1E-05 differ by one bit and mean the same
        if _signed(document) != raw or _sha256(blob) != document["tensors_sha256"]:
            raise ValueError("a SHA-256 does not match")
        return document["step"], safetensors.torch.load(blob), document["state"]


def load_latest(folder: Path) -> tuple[int, dict[str, Tensor], dict] | None:
    """The newest good checkpoint below ``folder``, as :func:`load` gives it; None if there is none.

    Damaged ones are passed over with a note. Raises CourseError if there are only such.
    """
    all_steps = steps(folder)
    for step in reversed(all_steps):
        try:
            return load(folder / f"{step:08d}")
        except CourseError as error:
            note(f"{error.what} ({error.where}); trying the one before")
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


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _signed(document: dict) -> bytes:
    """``document`` as JSON, of which the last entry is the SHA-256 of the others."""
    return json.dumps(
        document | {"sha256": _sha256(json.dumps(document, indent=1).encode())}, indent=1
    ).encode()


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # Windows cannot open a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
