"""When to stop: how good a training was at each of its previews, and whether waiting pays."""

import io
from pathlib import Path
from typing import Any

import torch

from course_lib.data.files import replace_file
from course_lib.errors import CourseError
from course_lib.metrics import resampling
from course_lib.plotting.figures import score_over_time
from course_lib.training.state import read_rows


def over_time(folder: Path) -> dict[str, Any]:
    """Draw OUT/over_time.png, of the scores that a training recorded at its previews.

    Returns the steps of the best and of the last, by how much the last is worse, with the ends of a
    95 % interval, and a ``verdict``. Of pairs the interval is that of the images' differences; of
    KID, that of the last score. It takes the best for given: being the lowest of several draws, it
    has had luck, and the difference is rather smaller. Raises CourseError if nothing was recorded.
    """
    rows = [*read_rows(folder / "scores.jsonl").values()]
    if len(rows) < 2:
        fix = "train with --keep best, for more steps"
        raise CourseError("no scores of two previews here", folder / "scores.jsonl", fix)
    for row in rows:
        if "each" in row:
            row |= {n.strip("_"): v for n, v in _mean(row["each"], row["groups"]).items() if n}
    best, last = min(rows, key=lambda row: row["score"]), rows[-1]
    rise, half = last["score"] - best["score"], (last["high"] - last["low"]) / 2
    ends = {"_low": rise - half, "_high": rise + half}
    if "each" in last:
        pairs = zip(last["each"], best["each"], strict=True)
        ends = _mean([a - b for a, b in pairs], last["groups"])
    if last is best:
        verdict = "the last preview is the best so far: a longer training may still help"
    elif ends["_low"] <= 0:
        verdict = "the interval of the difference holds 0: waiting longer shows nothing"
    else:
        verdict = f"it has become worse since step {best['step']}: stop there (--keep best)"
    png = io.BytesIO()
    names = ("step", "score", "low", "high")
    columns = [[row[name] for row in rows] for name in names]
    score_over_time(*columns, best["step"], last["kind"]).savefig(png, format="png")
    replace_file(folder / "over_time.png", png.getvalue())
    facts = {"best_step": best["step"], "last_step": last["step"], "last_minus_best": rise}
    facts |= {f"last_minus_best{end}": ends[end] for end in ("_low", "_high")}
    return facts | {"judged_by": f"{last['kind']} at previews", "verdict": verdict}


def _mean(each: list[float], groups: list[int]) -> dict[str, float]:
    """The mean as "", and the ends of its interval as _low and _high."""
    return resampling.means({"": torch.tensor(each)}, groups=torch.tensor(groups))
