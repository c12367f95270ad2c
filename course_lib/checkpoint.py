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

import safetensors.torch
from torch import Tensor

from course_lib.errors import CourseError

ASIDE = ".writing-"  # prefix of a checkpoint that is not finished


def save(folder: Path, step: int, tensors: dict[str, Tensor], state: dict, keep: int = 2) -> Path:
    """Write the checkpoint of ``step`` below ``folder`` and drop all but the newest ``keep``. Returns its path.

    Either the whole checkpoint is there afterwards or nothing changed. Raises CourseError if the disk refuses it.
    """
    final, aside = folder / f"{step:08d}", folder / f"{ASIDE}{step:08d}"
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        blob = safetensors.torch.save({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
        document = {"step": step, "tensors_sha256": hashlib.sha256(blob).hexdigest(), "state": state}
        document["sha256"] = _digest(document)
        write_durably(aside / "tensors.safetensors", blob)
        write_durably(aside / "state.json", json.dumps(document, indent=1).encode())
        if final.exists():  # the same step again: the run ended right after a save, or a damaged one was passed over
            shutil.rmtree(final)
        os.rename(aside, final)
        _sync_folder(folder)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        size = sum(t.nbytes for t in tensors.values()) / 2**20
        fix = "free some space or choose another --out; the previous checkpoint is untouched"
        raise CourseError(f"cannot write a checkpoint of {size:.0f} MiB: {error.strerror}", final, fix) from error
    for old in steps(folder)[:-keep]:  # renamed first: a kill in the middle must not leave half a checkpoint
        aside = folder / f"{ASIDE}{old:08d}"
        os.rename(folder / f"{old:08d}", aside)
        shutil.rmtree(aside, ignore_errors=True)
    return final


def steps(folder: Path) -> list[int]:
    """Steps of the finished checkpoints below ``folder``, oldest first; by step, since clocks go backwards."""
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if name.isdigit())


def sweep(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for leftover in folder.glob(f"{ASIDE}*") if folder.is_dir() else []:
        shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)


def load(path: Path) -> tuple[int, dict[str, Tensor], dict]:
    """(step, tensors, state) of the checkpoint at ``path``. Raises CourseError if a byte of it is wrong or missing."""
    fix = "delete this folder; an older checkpoint beside it is used instead"
    try:
        document = json.loads((path / "state.json").read_bytes())
        blob = (path / "tensors.safetensors").read_bytes()
        claimed = document.pop("sha256")
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise CourseError(f"checkpoint is incomplete: {type(error).__name__}", path, fix) from error
    if _digest(document) != claimed:
        raise CourseError("checkpoint is damaged: the SHA-256 of state.json does not match", path, fix)
    if hashlib.sha256(blob).hexdigest() != document["tensors_sha256"]:
        raise CourseError("checkpoint is damaged: the SHA-256 of tensors.safetensors does not match", path, fix)
    return document["step"], safetensors.torch.load(blob), document["state"]


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


def write_durably(path: Path, data: bytes) -> None:
    """Write and fsync ``data``."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` in one step: readers see the old bytes or the new ones, never a part."""
    aside = path.with_name(f"{ASIDE}{path.name}")
    write_durably(aside, data)
    os.replace(aside, path)


def _digest(document: dict) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # Windows cannot open a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
