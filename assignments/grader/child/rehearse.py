"""Runs a notebook's cells, then the visible checks, on a student's own machine: on any system,
limited by nothing but the clock.
"""

import _thread
import contextlib
import importlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

LATE = "it took too long: is there an endless loop?"


@contextlib.contextmanager
def ringing(seconds: float) -> Iterator[None]:
    """Raises KeyboardInterrupt after so many seconds, and every second if that is swallowed."""
    over, main = threading.Event(), threading.main_thread().ident

    def ring() -> None:
        wait = seconds
        while not over.wait(wait):
            wait = 1
            # a true signal ends a sleep, too; Windows sends none to a thread
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(main, signal.SIGINT)
            else:
                _thread.interrupt_main()

    threading.Thread(target=ring, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def main(job: dict, write: object) -> None:
    """Writes the messages that the grader's sandbox writes: cells begun, cells that raised, answers
    of probes.
    """
    from checks.probes import tools

    shell = InteractiveShell.instance(
        config=Config({"HistoryManager": {"enabled": False}}), colors="nocolor"
    )
    # which a process in the background may have been told to ignore
    signal.signal(signal.SIGINT, signal.default_int_handler)
    troubles, began, limits = [], time.monotonic(), job["limits"]
    for cell in job["cells"]:
        write({"cell": cell["number"]})
        try:
            with ringing(min(limits["cell"], max(1, limits["cells"] - (time.monotonic() - began)))):
                ran = shell.run_cell(cell["source"])
            error = ran.error_before_exec or ran.error_in_exec
        except KeyboardInterrupt as late:
            error = late
        if error:
            said = " ".join(str(getattr(error, "msg", error)).split())[:300]
            is_late = isinstance(error, KeyboardInterrupt)
            text = LATE if is_late else f"{type(error).__name__}: {said}"
            troubles.append({"cell": cell["number"], "error": text})
    write({"cells": troubles})
    probes = importlib.import_module(job["probes"])
    tools.warm()
    for check in job["checks"]:
        write({"begin": check["name"]})
        try:
            with ringing(limits["check"]):
                raw = tools.run(getattr(probes, check["probe"]), shell.user_ns, check["inputs"])
        except KeyboardInterrupt:
            raw = {"error": LATE}
        write({"check": check["name"], "raw": raw})
    write({"end": True})


if __name__ == "__main__":
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with (
        open(sys.argv[2], "w", buffering=1, encoding="utf-8") as results,
        contextlib.redirect_stdout(open(os.devnull, "w")),
    ):

        def write(message: dict) -> None:
            print(json.dumps(message), file=results)

        main(order, write)
