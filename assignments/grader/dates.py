"""Times as machines write them, and the table of extensions. What can be read in two ways is not
guessed.
"""

import datetime
import os
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from assignments.grader import safe
from assignments.grader.course import plain
from course_lib.data.files import read_words
from course_lib.errors import ensure, expect

FORM = "write it as 2027-03-02 19:00:00 UTC"
LONGEST = 400  # bytes of a time
EPOCH = re.compile(r"(\d{10})(\d{3})?(\.\d+)?")  # seconds, or thousandths of them
# ISO 8601, with a blank where it has none, and a zone's name in the place of an offset
ISO = re.compile(r"(\d{4}-\d\d-\d\d|\d{8})(?:[T ]([\d:.,]+))? ?([A-Z]+|[+-]\d\d(?::?\d\d)?)?", re.I)
# Hours from UTC. Not CST, IST or BST, which mean several.
HOURS = {
    **{"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2},
    **{"EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13},
    **{"EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}


@dataclass(frozen=True)
class Times:
    """When something was handed in, and what is to be said about it."""

    handed_in: datetime.datetime | None = None  # in UTC, without a zone
    said: str = ""
    wrong: str = ""  # what somebody has to mend


def parse(text: str, end_of_day: bool = False) -> tuple[datetime.datetime, bool]:
    """A time in UTC, and whether its zone is said; without one it is taken for UTC.

    With ``end_of_day`` a date alone means its last second. Raises ValueError, which says why, for
    what is neither ISO 8601, perhaps with a zone's name, nor seconds or milliseconds since 1970.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).split())
    said = f"“{safe.line(text, 60)}”"
    if epoch := EPOCH.fullmatch(text):
        seconds = float(text) / (1000 if epoch[2] else 1)
        then = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    else:
        found = ISO.fullmatch(text)
        expect(found, f"{said} is no date and time that is read in one way only")
        day, clock, zone = found.groups(default="")
        expect(clock or end_of_day, f"the time of day is missing in {said}")
        if zone.isalpha():
            expect(zone.upper() in HOURS, f"“{zone}” is no zone that is known")
            zone = f"{HOURS[zone.upper()]:+03d}:00"
        try:
            then = datetime.datetime.fromisoformat(f"{day}T{clock or '23:59:59'}{zone}")
        except ValueError:
            raise ValueError(f"{said} is no date and time") from None
    expect(2000 <= then.year < 2100, f"the year {then.year} is not of this century")
    if then.tzinfo is None:
        return then, False
    return then.astimezone(datetime.UTC).replace(tzinfo=None), True


def of(folder: Path) -> Times:
    """What ``timestamp.txt`` in a student's folder says; without that file nothing is late."""
    path = folder / "timestamp.txt"
    if not os.path.lexists(path):
        other = misnamed(path)
        return Times(wrong=f"{other} is not read: name it {path.name}" if other else "")
    try:
        # a link may lead to what no student shall read
        is_short = not path.is_symlink() and path.stat().st_size <= LONGEST
        expect(is_short, "it is a link, or too long for a time")
        then, zoned = parse(read_words(path))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        return Times(wrong=f"{path.name} cannot be read: {why}. Nothing counts as late; {FORM}")
    guess = "" if zoned else ", as timestamp.txt names no zone"
    return Times(then, f"handed in {then:%Y-%m-%d %H:%M} UTC{guess}")


def misnamed(path: Path) -> str:
    """A file that must be meant for this one, which is not there: "Timestamp.TXT", or ".txt.txt"
    where the system hides what names end with.
    """
    names = (other.name for other in path.parent.glob("*") if other != path)
    return next((name for name in names if name.casefold().startswith(path.stem)), "")


def extensions(
    course: Path, problem_set: str, students: Collection[str] | None, sets: Collection[str]
) -> tuple[dict[str, datetime.datetime], dict[str, str]]:
    """The course's ``extensions.csv`` (student, set, until) for a problem set: until when single
    students, by their names' plain form, may hand in; and why rows are not used.

    Raises CourseError if it is no such table. A row must name one of the ``sets`` and of the
    ``students``, whom None does not limit.
    """
    path, found, wrong = course / "extensions.csv", {}, {}
    if not path.is_file():
        other = misnamed(path)
        return {}, {other: f"it is not read: save it as {path.name}"} if other else {}
    heads, rows = safe.table(path)
    missing = {"student", "set", "until"} - set(heads)
    fix = "its first line is: student,set,until"
    ensure(not missing, f"the table of extensions lacks {', '.join(sorted(missing))}", path, fix)
    for number, row in rows:
        student, of_set = plain(row["student"]), plain(row["set"])
        try:
            expect(of_set in map(plain, sets), f"there is no set “{row['set']}”")
            if of_set == plain(problem_set):
                known = students is None or student in map(plain, students)
                expect(known, f"nobody called “{row['student']}” handed in {problem_set}")
                expect(student not in found, f"there is a row of {student} above")
                found[student], _ = parse(row["until"], end_of_day=True)
        except ValueError as error:
            wrong[f"extensions.csv, line {number}"] = safe.line(f"{error}; {FORM}")
    return found, wrong
