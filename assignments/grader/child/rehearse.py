"""Runs a notebook's cells, then the visible checks, on a student's own machine: on any system,
limited by nothing.
"""

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


def main(job: dict, write: object) -> None:
    """Writes the messages that the grader's sandbox writes: cells begun, cells that raised, answers
    of probes.
    """
    from checks.probes import tools

    shell = InteractiveShell.instance(
        config=Config({"HistoryManager": {"enabled": False}}), colors="nocolor"
    )
    troubles = []
    for cell in job["cells"]:
        write({"cell": cell["number"]})
        ran = shell.run_cell(cell["source"])
        if error := ran.error_before_exec or ran.error_in_exec:
            text = " ".join(str(getattr(error, "msg", error)).split())[:300]
            troubles.append({"cell": cell["number"], "error": f"{type(error).__name__}: {text}"})
    write({"cells": troubles})
    probes = importlib.import_module(job["probes"])
    tools.warm()
    for check in job["checks"]:
        write({"begin": check["name"]})
        raw = tools.run(getattr(probes, check["probe"]), shell.user_ns, check["inputs"])
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
