"""What a run is worth on held-out data, and whether waiting paid: ``course evaluate``."""

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from course_lib.data import DATA_SETS, TwoDomains, opened_for
from course_lib.data.files import check_outputs, expanded, replace_file
from course_lib.data.folders import ALL, own_splits
from course_lib.data.images import to_png
from course_lib.errors import CourseError, ensure, note, telling
from course_lib.methods.base import Method
from course_lib.metrics import resampling, samples, scores
from course_lib.networks.hardware import seeded
from course_lib.plotting.figures import score_over_time
from course_lib.runs import traits
from course_lib.runs.folder import check_maps, in_direction
from course_lib.training.run import read_rows


def translate_batches(method: Method, dataset: Dataset, seed: int = 0) -> dict[str, Tensor]:
    """x, y and fake_y of a whole dataset, each (n, 3, S, S) on the CPU, in its order.

    Sixteen at a time, which matters only to a method that normalises with the batch's statistics.
    """
    out: dict[str, list[Tensor]] = {"x": [], "y": [], "fake_y": []}
    with seeded(seed, method.device):
        # with a generator of its own: it would draw from the one that dropout uses
        for batch in DataLoader(dataset, 16, generator=torch.Generator()):
            batch["fake_y"] = method.translate_batch(batch)["fake_y"].cpu()
            for key, parts in out.items():
                parts.append(batch[key])
    return {key: torch.cat(parts) for key, parts in out.items()}


def evaluate(
    method: Method,
    settings: dict,
    data: str,
    split: str | None = None,
    direction: str | None = None,
    folder: Path = Path(),
) -> dict:
    """What can be measured of an opened run on held-out data, beside ``resampling.baselines``.

    See ``scores.score``, and ``samples.score_samples`` for a method whose translations of one image
    differ. NAME_low and NAME_high are the ends of a score's 95 % interval over the images, of which
    relatives (``groups`` of the data set) count as one draw. ``split`` is by default "test", and
    "all" of a folder that has no splits and is not the one that the run has learned from. nan
    stands for what cannot be measured; ``metrics.report`` says why. ``folder`` is for the messages.
    """
    data, direction = os.path.expanduser(data), direction or settings["direction"]
    ensure(
        (size := method.config.image_size) >= 16,
        f"images of {size} px are too small to score (SSIM looks at 11 px)",
        folder,
        "train at 16 px or more",
    )
    split = split or _part(data, settings)
    learned = Path(settings["data"], "train")  # of which a share may be held out, if all is given
    ensure(
        split == "train"
        or not (
            Path(data).resolve() == learned.resolve()
            or (split == ALL and _is_learned(data, settings))
        ),
        "the run has learned from these images, or most of them",
        data,
        f"give {learned.parent} without --split, which takes what was held out; --split train "
        "scores what was learned",
    )
    held_out = opened_for(method, data, split, direction)
    check_maps("this run", method, held_out[0])
    method = in_direction(method, settings, direction, folder)
    ensure(
        held_out.paired or not method.needs_pairs,
        f"{data} has no true pairs to compare with",
        "--data",
        "give paired data",
    )
    found = scores.score(method, data, split, direction, intervals=True)
    if method.has_codes:
        found |= samples.score_samples(method, data, split, direction, intervals=True)
    # of what it has learned, each image would be its own nearest neighbour
    is_share = split in ("val", "test") and os.path.isdir(data) and split not in own_splits(data)
    if is_share and not _is_learned(data, settings):
        note(
            f"{len(held_out)} of the images in {data} are scored, which a training would hold out;"
            " --split all takes all of them"
        )
    if train_set := split != "train" and _training_set(method, data, split, direction, settings):
        found |= resampling.baselines(held_out, train_set)
    if method.through_lite0:
        found["learned_through"] = "lite0, which is no judge of it"
    if begun := settings.get("start"):
        found["started_from"] = (
            f"{begun['name']} at step {begun['steps']}, sha256 {begun['sha256'][:12]}"
        )
    return found | {"split": split, "data": data, "direction": direction}


def _part(data: str, settings: dict) -> str:
    """The split that is scored if none is asked for: of what a run has learned from, held-out."""
    is_named = data in DATA_SETS or not os.path.isdir(data)
    return "test" if is_named or own_splits(data) - {"val"} or _is_learned(data, settings) else ALL


def _is_learned(data: str, settings: dict) -> bool:
    """Whether this is the folder that the run has learned from, be it under another name."""
    return (
        os.path.isdir(data)
        and os.path.isdir(settings["data"])
        and os.path.samefile(data, settings["data"])
    ) or (traits.fingerprint(data) or None) == settings.get("fingerprint", "")


def _training_set(
    method: Method, data: str, split: str, direction: str, settings: dict
) -> TwoDomains | None:
    """That of ``data``, or where that is for testing only, the run's, if it can be had."""
    splits, learned = own_splits(data), settings["data"]
    if split != ALL and (not splits or "train" in splits):
        return opened_for(method, data, "train", direction)
    if learned in DATA_SETS or os.path.isdir(learned):  # nothing is downloaded for this
        with suppress(CourseError):
            return opened_for(method, learned, "train", direction)
    return None


def over_time(folder: Path) -> dict[str, Any]:
    """Draw OUT/over_time.png, of the scores that a training recorded at its previews.

    Returns the steps of the best and of the last, by how much the last is worse, with the ends of a
    95 % interval, and a ``verdict``. Of pairs the interval is that of the images' differences; of
    KID, that of the last score. It takes the best for given: being the lowest of several draws, it
    has had luck, and the difference is rather smaller. Raises CourseError if nothing was recorded.
    """
    folder = expanded(folder)
    check_outputs([folder / "over_time.png"])
    rows = [*read_rows(folder / "scores.jsonl").values()]
    ensure(
        len(rows) >= 2,
        "no scores of two previews here",
        folder / "scores.jsonl",
        "train with --keep best, for more steps",
    )
    with telling(
        (KeyError, TypeError, ValueError),
        "no readable scores of previews here",
        folder / "scores.jsonl",
        "restore the file, or train again",
    ):
        ends = [
            _ends(row["each"], row) if "each" in row else (row["low"], row["high"]) for row in rows
        ]
        best, last = min(rows, key=lambda row: row["score"]), rows[-1]
        rise, half = last["score"] - best["score"], (ends[-1][1] - ends[-1][0]) / 2
        low, high = rise - half, rise + half
        if "each" in last:
            low, high = _ends(
                [a - b for a, b in zip(last["each"], best["each"], strict=True)], last
            )
        if last is best:
            verdict = "the last preview is the best so far: a longer training may still help"
        elif math.isnan(low):
            verdict = "there are too few held-out images to tell last and best apart"
        elif low <= 0:
            verdict = (
                "the interval of the difference contains 0: last and best cannot be told apart"
            )
        else:
            verdict = f"it has become worse since step {best['step']}: stop there (--keep best)"
        steps, scores = ([row[name] for row in rows] for name in ("step", "score"))
        figure = score_over_time(
            steps, scores, *zip(*ends, strict=True), best["step"], last["kind"]
        )
        replace_file(folder / "over_time.png", to_png(figure))
        return {
            "best_step": best["step"],
            "last_step": last["step"],
            "last_minus_best": rise,
            "last_minus_best_low": low,
            "last_minus_best_high": high,
            "judged_by": f"{last['kind']} at previews",
            "verdict": verdict,
        }


def _ends(each: list[float], row: dict) -> tuple[float, float]:
    """Of the 95 % interval of the mean of ``each``, whose relatives ``row`` knows."""
    found = resampling.means({"": torch.tensor(each)}, groups=torch.tensor(row["groups"]))
    return found["_low"], found["_high"]
