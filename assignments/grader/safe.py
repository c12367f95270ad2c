"""What comes from a submission, made safe where it enters: text that can be written as UTF-8, of
bounded depth.
"""

import re
from collections.abc import Callable
from typing import Any

DEPTH = 100  # lists within lists
LONE = re.compile(r"[\ud800-\udfff]")  # halves of a pair, which UTF-8 cannot hold
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
)  # all but the tab and the end of a line
BREAKS = re.compile(r"[\t\n\u2028\u2029]")
INSTEAD = "\ufffd"


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
    if depth == 0:
        raise ValueError("too deeply nested")
    if isinstance(value, dict):
        return {text(key): data(item, text, depth - 1) for key, item in value.items()}
    for index, item in enumerate(value):
        value[index] = data(item, text, depth - 1)
    return value
