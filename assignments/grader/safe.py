"""What comes from a submission, made safe where it enters: text that can be written as UTF-8, of
bounded depth.
"""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.data.files import read_words
from course_lib.errors import expect, telling

DEPTH = 100  # lists within lists
LONE = re.compile(r"[\ud800-\udfff]")  # halves of a pair, which UTF-8 cannot hold
# all but the tab and the end of a line
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
BREAKS = re.compile(r"[\t\n\u2028\u2029]")
INSTEAD = "\ufffd"


def table(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The heads of a CSV file, and its rows with the numbers of their lines; with commas,
    semicolons or tabs between, as spreadsheets write them. Raises CourseError.
    """
    errors = (OSError, ValueError, csv.Error)
    with telling(errors, "this table cannot be read", path, "save it as CSV, in UTF-8"):
        text = read_words(path)
        head = text.partition("\n")[0]
        delimiter = max(",;\t", key=head.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        heads = [head.strip() for head in next(reader, [])]
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    empty = dict.fromkeys(heads, "")
    return heads, [(number, empty | dict(zip(heads, row, strict=False))) for number, row in rows]


def encodable(text: str) -> str:
    """The text, as source code may hold it: only lone surrogates are replaced."""
    return text if text.isascii() else LONE.sub(INSTEAD, text)


def block(text: str) -> str:
    """Lines of text without control characters."""
    return CONTROL.sub(INSTEAD, text.replace("\r\n", "\n").replace("\r", "\n"))


def line(text: str, most: int = 1000) -> str:
    """One line without control characters, of at most so many characters."""
    return BREAKS.sub(" ", block(text[:most]))


def data(value: Any, text: Callable[[str], str] = block, depth: int = DEPTH) -> Any:
    """JSON data with ``text`` applied to every text and key; lists are changed in place, so that
    large ones fit.

    Raises ValueError if it is nested more than ``depth`` times.
    """
    if isinstance(value, str):
        return text(value)
    if not isinstance(value, list | dict):
        return value
    expect(depth != 0, "too deeply nested")
    if isinstance(value, dict):
        return {text(key): data(item, text, depth - 1) for key, item in value.items()}
    for index, item in enumerate(value):
        value[index] = data(item, text, depth - 1)
    return value
