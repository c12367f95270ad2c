"""The page for the instructor: how a class did in each check, what most missed, and whose work
needs a look.
"""

from collections import Counter
from pathlib import Path
from statistics import mean, median

from assignments.grader.feedback import PAGES
from assignments.grader.grade_one import ENDED
from assignments.grader.verdicts import Graded, Result
from course_lib.data.files import replace_file

NAME, BINS = "summary.html", 10


def write(folder: Path, results: list[Result]) -> Path:
    """summary.html of these results, all of one problem set."""
    replace_file(path := folder / NAME, page(results).encode())
    return path


def page(results: list[Result]) -> str:
    """The summary as a page of its own, without scripts; whatever comes from a submission is
    escaped.
    """
    scores, of = [result.score for result in results], results[0].points
    counts = Counter(min(BINS - 1, int(BINS * score / of)) for score in scores)
    grouped: dict[str, list[Graded]] = {}
    for check in (check for result in results for check in result.checks):
        grouped.setdefault(check.name, []).append(check)
    looks = [
        (r.student, r.name, r.score, "; ".join(needs_a_look(r)))
        for r in sorted(results, key=lambda r: r.score)
    ]
    return PAGES.get_template("summary.html").render(
        title=f"{results[0].problem_set}: {len(results)} submissions",
        students=len(results),
        of=of,
        mean=mean(scores),
        median=median(scores),
        looks=[look for look in looks if look[3]],
        bins=[(of * i / BINS, of * (i + 1) / BINS, counts[i]) for i in range(BINS)],
        checks=sorted(
            map(of_all, grouped.values()), key=lambda check: check["mean"] - check["points"]
        ),
    )


def of_all(checks: list[Graded]) -> dict:
    """One check, in all submissions."""
    lost = [check for check in checks if check.score < check.points]
    none = sum(check.score <= 0 for check in lost)
    said = Counter(check.message for check in lost).most_common(1)
    return vars(checks[0]) | {
        "mean": mean(check.score for check in checks),
        "said": said[0] if said else None,
        "all": len(checks) - len(lost),
        "part": len(lost) - none,
        "none": none,
    }


def needs_a_look(result: Result) -> list[str]:
    """Why a person should open this submission."""
    visible, hidden = (
        [c.score / c.points for c in result.checks if c.visible is seen] for seen in (True, False)
    )
    ended = {c.function: "" for c in result.checks if c.message == ENDED["exit"]}
    why = {
        result.reason: result.reason,
        "all visible checks pass, but few hidden ones: was it written for the visible numbers?": (
            hidden and min(visible, default=0) == 1 and mean(hidden) < 0.5
        ),
        "less than a third of the points": result.score < result.points / 3,
        f"{', '.join(ended)}: {ENDED['exit']}": ended,
    }
    return [text for text, holds in why.items() if holds] + [
        f"remark on the notebook: {note}" for note in result.notes[:2]
    ]
