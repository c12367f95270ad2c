"""What learners guessed, how sure they were, and whether they were right: ``course guesses``.

The record is the learner's own notebooks: a prediction's cell has room for all three, and nothing
else is kept or sent anywhere. A class is a folder with a folder for each learner who handed theirs
in; its report names nobody.
"""

import re
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import nbformat

from course_lib.errors import ensure

CELL = re.compile(
    r"\*\*Your guess\*\*[^:]*:(?P<guess>.*?)\*\*How sure\*\*[^:]*:\s*(?P<sure>\d+)?"
    r".*?\*\*Right\*\*[^:]*:\s*(?P<right>(?:yes|no)\b)?",
    re.DOTALL | re.IGNORECASE,
)
QUESTION = re.compile(r"\*\*Predict[^*]*\*\*\s*(.+?)(?:\n\n|$)", re.DOTALL)
BINS = (
    (0, 50),
    (50, 60),
    (60, 70),
    (70, 80),
    (80, 90),
    (90, 101),
)  # per cent, the upper one left out


class Guess(NamedTuple):
    """One answered prediction; ``sure`` in per cent or None, ``right`` None until judged."""

    notebook: str
    question: str
    text: str
    sure: int | None
    right: bool | None


def read(folder: Path) -> list[Guess]:
    """The predictions in the notebooks of ``folder`` that say how sure, or whether it was right."""
    found = []
    for path in sorted(folder.glob("*.ipynb")):
        try:
            asked, sources = "", [cell.source for cell in nbformat.read(path, 4).cells]
        except Exception:  # from OSError to nbformat's own: a class hands in anything
            warnings.warn(f"passed over what is no notebook: {path.name}", stacklevel=2)
            continue
        for source in sources:
            if question := QUESTION.search(source):
                asked = " ".join(question[1].split())
            answer = CELL.search(source)
            if answer and (answer["sure"] or answer["right"]):
                text = " ".join(answer["guess"].replace(">", " ").split())
                found.append(
                    Guess(
                        path.stem,
                        asked,
                        text,
                        answer["sure"] and int(answer["sure"]),
                        answer["right"] and answer["right"].lower() == "yes",
                    )
                )
    return found


def report(folder: Path) -> str:
    """Of one learner: how often each degree of sureness was right. Of a class: question by question
    how many were right, how sure they were, and the wrong guesses, the most frequent first.

    Raises CourseError if there are no notebooks.
    """
    if any(folder.glob("*.ipynb")):
        return _calibration(read(folder))
    ensure(
        any(folder.glob("*/*.ipynb")),
        "no notebooks here",
        folder,
        "give a folder of notebooks, or one with such a folder for each learner",
    )
    return _by_question([guess for one in sorted(folder.glob("*/")) for guess in read(one)])


def _calibration(guesses: list[Guess]) -> str:
    judged = [g for g in guesses if g.right is not None and g.sure is not None]
    lines = [
        f"{len(guesses)} guesses, {len(judged)} of them with 'how sure' and 'right' filled in"
        + ("" if judged else " (in a notebook's cells 'Your guess')")
    ]
    for low, high in BINS:
        if some := [g.right for g in judged if low <= g.sure < high]:
            lines.append(f"{low} to {high - 1} % sure: right {sum(some)} of {len(some)} times")
    return "\n".join(lines)


def _by_question(guesses: list[Guess]) -> str:
    questions = defaultdict(list)
    for guess in guesses:
        questions[guess.notebook, guess.question].append(guess)
    lines = []
    for (notebook, question), given in questions.items():
        judged = [g for g in given if g.right is not None]
        sure = [g.sure for g in given if g.sure is not None]
        mean = f", {sum(sure) / len(sure):.0f} % sure on average" if sure else ""
        lines.append(f"{notebook}: {question}")
        lines.append(f"  {sum(g.right for g in judged)} of {len(judged)} right{mean}")
        wrong = Counter(g.text.casefold() for g in judged if not g.right)
        lines += [f"  {'#' * count} {text}" for text, count in wrong.most_common(5)]
    return "\n".join(lines) or "no guesses yet"
