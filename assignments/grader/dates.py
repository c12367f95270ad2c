"""Times as people and machines write them, and the table of extensions. What can be read in two
ways is not guessed.
"""

import contextlib
import datetime
import os
import re
import unicodedata
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import dateutil.parser

from assignments.grader import safe
from assignments.grader.course import plain
from course_lib.errors import CourseError

FORM = "write it as 2027-03-02 19:00:00 UTC"
LONGEST = 400  # bytes of a time
YEARS = range(2000, 2100)
EPOCH = re.compile(r"(\d{10}(?:\d{3}){0,3})(?:\.\d+)?")  # in seconds, or in thousandths of them
# "GMT+0100 (Central European Standard Time)", as browsers write it
ASIDE = re.compile(r"\([^()]*\)")
OFFSET = re.compile(r"(?<=\d)\s*(?:UTC|GMT)?\s*([+-])(\d{1,2}):?(\d\d)?$")
YEAR_FIRST = re.compile(r"(?<!\d)\d{4}[-./ ](\d{1,2})[-./ ]\d{1,2}(?!\d)|^\d{8}(?=T)")
YEAR_LAST = re.compile(r"(?<![\d:])(\d{1,2})[-./ ] ?(\d{1,2})[-./ ] ?(\d{4}|\d\d)(?![\d:])")
CLOCK = re.compile(r"\d:\d\d|T\d{4}|\d ?[ap]m\b", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+(?:[/_][^\W\d_]+)*")
MONTHS = "january february march april may june july august september october november december"
DAYS = "monday tuesday wednesday thursday friday saturday sunday"
IS_MONTH = {form for name in MONTHS.split() for form in (name, name[:3])} | {"sept"}
IS_OTHER = {form for name in DAYS.split() for form in (name, name[:3])} | {"t", "am", "pm"}
# Hours from UTC. Not CST, IST or BST, which mean several.
HOURS = {"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2}
HOURS |= {"EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13}
HOURS |= {"EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}


@dataclass(frozen=True)
class Times:
    """When something was handed in, and what is to be said about it."""

    handed_in: datetime.datetime | None = None  # in UTC, without a zone
    said: str = ""
    wrong: str = ""  # what somebody has to mend


@dataclass
class Extensions:
    """Until when single students may hand in, and which rows of the table cannot be read."""

    until: dict[str, datetime.datetime] = field(default_factory=dict)  # by the name's plain form
    wrong: dict[str, str] = field(default_factory=dict)


def parse(text: str, end_of_day: bool = False) -> tuple[datetime.datetime, bool]:
    """A time in UTC, and whether its zone is said; without one it is taken for UTC.

    With ``end_of_day`` a date alone means its last second. Raises ValueError, which says why, for
    what is no time, is not in English or ISO 8601, or could be read in two ways.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).split())
    if epoch := EPOCH.fullmatch(text):
        seconds = float(text) / 1000 ** ((len(epoch[1]) - 10) // 3)
        found = datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None)
        if found.year in YEARS:
            return found, True
    rest, zone = split_zone(ASIDE.sub("", text).strip())
    words = WORD.findall(rest)
    for word in words:
        if word.lower() not in IS_MONTH | IS_OTHER:
            raise ValueError(f"“{word}” is no English word of a date and no zone that is known")
    clock = CLOCK.search(rest)
    months = sum(word.lower() in IS_MONTH for word in words)
    iso, other = YEAR_FIRST.search(rest), YEAR_LAST.search(rest)
    if other and not iso:
        first, second = int(other[1]), int(other[2])
        if len(other[3]) == 2 or (first != second and max(first, second) <= 12):
            raise ValueError("day, month and year can be read in two ways")
    if months + bool(iso or other) != 1 or (iso and iso[1] and int(iso[1]) > 12):
        raise ValueError("that is no date with day, month and year")
    if not re.search(r"(?<!\d)\d{4}", rest) or not (end_of_day or clock):
        raise ValueError("the year or the time of day is missing")
    last = datetime.datetime(2000, 1, 1, *([] if clock else [23, 59, 59]))
    day_first = bool(other and not iso) and first > 12
    try:
        found = dateutil.parser.parse(rest, default=last, dayfirst=day_first)
    except (ValueError, OverflowError):
        raise ValueError("that is no date and time") from None
    if found.year not in YEARS:
        raise ValueError(f"the year {found.year} is not of this century")
    offset = zone.utcoffset(found) if zone else datetime.timedelta()
    return found.replace(tzinfo=None) - offset, zone is not None


def split_zone(text: str) -> tuple[str, datetime.tzinfo | None]:
    """A time without its zone, and that; None where none is known."""
    found = OFFSET.search(text)
    if found and CLOCK.search(text[: found.start() + 1]):
        ahead = datetime.timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        return text[: found.start()], datetime.timezone(ahead if found[1] == "+" else -ahead)
    for found in WORD.finditer(text):
        word, rest = found[0], f"{text[: found.start()]} {text[found.end() :]}".strip()
        if word.upper() in HOURS:
            return rest, datetime.timezone(datetime.timedelta(hours=HOURS[word.upper()]))
        if "/" in word:
            with contextlib.suppress(OSError, ValueError):
                return rest, zoneinfo.ZoneInfo(word)
    return text, None


def of(folder: Path) -> Times:
    """What ``timestamp.txt`` in a student's folder says; without that file nothing is late."""
    path = folder / "timestamp.txt"
    if not os.path.lexists(path):
        other = misnamed(path)
        return Times(wrong=f"{other} is not read: name it {path.name}" if other else "")
    try:
        # a link may lead to what no student shall read
        if path.is_symlink() or path.stat().st_size > LONGEST:
            raise ValueError("it is a link, or too long for a time")
        text = safe.decoded(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return Times(wrong=f"timestamp.txt cannot be read: {why}. Nothing counts as late; {FORM}")
    try:
        then, zoned = parse(text)
    except ValueError as error:
        said = safe.line(" ".join(text.split()), 60)
        wrong = f"timestamp.txt says “{said}”, but {error}. Nothing counts as late; {FORM}"
        return Times(wrong=wrong)
    guess = "" if zoned else ", as timestamp.txt names no zone"
    return Times(then, f"handed in {then:%Y-%m-%d %H:%M} UTC{guess}")


def misnamed(path: Path) -> str:
    """A file that must be meant for this one, which is not there: "Timestamp.TXT", or ".txt.txt"
    where the system hides what names end with.
    """
    names = (other.name for other in path.parent.glob("*") if other != path)
    return next((name for name in names if name.casefold().startswith(path.stem)), "")


def extensions(
    course: Path, problem_set: str, students: Iterable[str] | None, sets: Iterable[str]
) -> Extensions:
    """The course's ``extensions.csv`` (student, set, until) for a problem set; empty without it.

    Raises CourseError if it is no such table. Rows that cannot be read, or name none of the
    ``students`` or ``sets``, are in ``wrong``.
    """
    path, found = course / "extensions.csv", Extensions()
    if not path.is_file():
        if other := misnamed(path):
            found.wrong[other] = f"it is not read: save it as {path.name}"
        return found
    heads, rows = safe.table(path)
    rows = [(number, {head.casefold(): row[head] for head in heads}) for number, row in rows]
    if missing := {"student", "set", "until"} - {head.casefold() for head in heads}:
        raise CourseError(
            f"the table of extensions has no column {min(missing)}",
            path,
            "its first line is: student,set,until",
        )
    named = set(map(plain, sets))
    anyone = (row["student"] for _, row in rows)
    known = set(map(plain, anyone if students is None else students))
    for number, row in rows:
        student, of_set, until = (row[head] for head in ("student", "set", "until"))
        try:
            if plain(of_set) not in named:
                raise ValueError(f"there is no set “{of_set}”")
            if plain(of_set) != plain(problem_set):
                continue
            if plain(student) not in known:
                raise ValueError(f"nobody called “{student}” handed in {problem_set}")
            if plain(student) in found.until:
                raise ValueError(f"there is a row of {student} and {problem_set} above")
            found.until[plain(student)], _ = parse(until, end_of_day=True)
        except ValueError as error:
            more = f"; {FORM}" if plain(student) in known - found.until.keys() else ""
            found.wrong[f"extensions.csv, line {number}"] = safe.line(f"{error}{more}")
    return found
