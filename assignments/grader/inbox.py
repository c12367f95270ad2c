"""What arrives from a sandbox, read as it comes. A submission can write there itself: only what can
be true is kept.
"""

import json
import re
from collections.abc import Iterable

from assignments.grader import safe

MAX_ALL = 32_000_000  # bytes
MAX_ANSWER = 4_200_000  # of one check: the child's own MAX_RAW, and what stands around it
MAX_CELLS = 200_000  # the list of cells that raised
MAX_NOISE = 64_000  # all that is no answer
MAX_LISTS = 300_000  # and objects in one message: 4 MB of "{}" would take 100 MB
A_CELL = 100  # more for each cell and each check, which are announced
OPENING = re.compile(rb'\{"(check|ended|begin|cell|cells|end|status)": (?:"([^"\\]{1,200})")?')


class Inbox:
    """The answers to the checks it was made for, unparsed, and how far the submission came."""

    def __init__(self, checks: Iterable[str], cells: int = 0):
        self.wanted = set(checks)
        self.answers: dict[str, bytes] = {}
        self.twice: set[str] = set()
        self.ended: dict[str, str] = {}
        self.cell, self.begun, self.end, self.status = 0, "", False, 0
        self.raised: list | None = None  # what the cells raised; None until all have run
        self._part = bytearray()  # of a line whose end has not arrived
        self._left, self._room = MAX_ALL, MAX_NOISE + A_CELL * (cells + 2 * len(self.wanted))

    def feed(self, data: bytes) -> bool:
        """Take in what was read; False once it is more than any honest submission says."""
        self._left -= len(data)
        rest, *others = data.split(b"\n")
        self._part += rest
        for other in others:
            self._take(bytes(self._part))
            self._part = bytearray(other)
        longest = MAX_ANSWER if OPENING.match(self._part) else MAX_NOISE
        return self._left >= 0 and self._room >= 0 and len(self._part) <= longest

    def _take(self, line: bytes) -> None:
        kind, value = found.groups() if (found := OPENING.match(line)) else (b"", None)
        name = (value or b"").decode(errors="replace")
        if kind == b"check" and name in self.wanted and len(line) <= MAX_ANSWER:
            if name in self.answers:
                self.twice.add(name)
            self.answers[name] = b"" if name in self.twice else line
            return
        if self.raised is None and line.startswith(b'{"cells": [') and len(line) <= MAX_CELLS:
            raised = opened(line).get("cells")
            if isinstance(raised, list):
                self.raised = raised[:40]
                return
        self._room -= len(line) + 1
        self._note(opened(line) if kind and len(line) <= 1000 else {})

    def _note(self, message: dict) -> None:
        if isinstance(name := message.get("ended"), str) and name in self.wanted:
            self.ended[name] = str(message.get("how"))[:40]
        elif isinstance(name := message.get("begin"), str) and name in self.wanted:
            self.begun = name
        elif isinstance(number := message.get("cell"), int):
            self.cell = number
        elif isinstance(status := message.get("status"), int):
            self.status = status
        self.end = self.end or "end" in message


def opened(line: bytes) -> dict:
    """The message in a line, made safe; {} if there is none."""
    if line.count(b"[") + line.count(b"{") > MAX_LISTS:
        return {}
    try:
        message = safe.data(json.loads(line.decode(errors="replace")))
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
