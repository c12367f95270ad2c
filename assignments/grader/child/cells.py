"""Runs a notebook's code cells in one namespace, as Jupyter would, then the probes on it. Student
code runs here.
"""

import ast
import contextlib
import json
import linecache
import os
import random
import re
import signal
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterator

from grading_child import jail

CELL = re.compile(r"<cell (\d+)>")
MAX_TEXT, MAX_RAW = 300, 4_000_000


class TimeIsUp(BaseException):
    """No Exception, so that ``except Exception`` does not swallow it."""


class Shell:
    """Stands for IPython where a notebook asks for it: magics do nothing, but for those that run
    Python.
    """

    def __init__(self, run: Callable[[str], None]):
        self._run = run

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        if name in ("time", "timeit", "capture", "prun"):
            self._run(body)

    def run_line_magic(self, name: str, line: str, *_: object) -> None:
        if name in ("time", "timeit", "prun"):
            self._run(line)

    def __getattr__(self, name: str) -> Callable:
        return lambda *_, **__: None


def main(job: dict, write: Callable[[dict], None], alone: bool) -> None:
    """The cells once; then each check in a fork of its own, so that one cannot harm or stop the
    next.

    ``alone`` in a process namespace, what cells and checks have started is ended after each.
    """
    limits, probes = job["limits"], sys.modules.get(job["probes"])
    fork, kill, wait, me = os.fork, os.kill, os.waitpid, os.getpid()

    def sweep() -> None:
        if os.getpid() != me:  # the code of a cell forked, and this is the copy
            os._exit(0)
        if alone:
            with contextlib.suppress(ProcessLookupError):
                kill(-1, signal.SIGKILL)  # spares this process and the first one
        reap(wait, alone)

    jail.limit_cpu(limits["cells_cpu"] * 1.5 + 2)
    reseed(job["seed"])
    names, troubles = run_cells(job["cells"], limits["cells_cpu"], limits["cell_cpu"], write, sweep)
    write({"cells": troubles})
    for check in job["checks"]:
        write({"begin": check["name"]})
        try:
            run_check(names, check, probes, job["seed"], limits["patience"], write, fork)
        except OSError:
            write({"ended": check["name"], "how": "processes"})
        sweep()
    write({"end": True})


def reap(wait: Callable[[int, int], tuple[int, int]], all_ended: bool) -> None:
    """Forget children that have ended: until then each counts as a process. With ``all_ended``,
    wait up to 2 s.
    """
    # or the checks' own children could not be waited for
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    deadline = time.monotonic() + 2
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if not wait(-1, os.WNOHANG)[0]:
                if not all_ended:
                    return
                time.sleep(0.001)


def run_cells(
    cells: list[dict],
    total: float,
    each: float,
    write: Callable[[dict], None],
    sweep: Callable[[], None],
) -> tuple[dict, list[dict]]:
    """The namespace after all cells. One that raises is noted and the next one runs, as a reader
    would go on.
    """
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module  # dataclasses and pickling look names up there
    names, troubles, began = module.__dict__, [], time.process_time()

    def run(source: str, filename: str = "<cell 0>") -> None:
        exec(compile(source, filename, "exec", dont_inherit=True), names)

    names.update(get_ipython=lambda: Shell(run), display=lambda *_, **__: None)
    for cell in cells:
        number, filename = cell["number"], f"<cell {cell['number']}>"
        write({"cell": number})
        try:
            with alarm(min(each, max(1.0, total - (time.process_time() - began)))):
                source = plain_python(cell["source"])
                linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
                run(source, filename)
        except BaseException as error:
            if len(troubles) < 40:
                troubles.append({"cell": number, **describe(error)})
        sweep()
    for late in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(late, signal.SIG_IGN)
    return names, troubles


def plain_python(source: str) -> str:
    """A cell without IPython's own syntax; the transformer is imported before the fork, and only
    used if needed.
    """
    with contextlib.suppress(SyntaxError, ValueError):
        ast.parse(source)
        return source
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)


def run_check(
    names: dict,
    check: dict,
    probes: types.ModuleType,
    seed: int,
    patience: float,
    write: Callable[[dict], None],
    fork: Callable[[], int],
) -> None:
    """One probe in a process of its own, ended when its time is up: by the clock, or of a core."""
    pid = patient(fork)
    if pid == 0:
        try:
            os.setpgid(0, 0)
            jail.limit_cpu(check["seconds"])
            reseed(seed)
            write({"check": check["name"], **probe(names, check, probes)})
        finally:
            os._exit(0)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    ended, status, pause = 0, 0, 0.001
    deadline = time.monotonic() + check["seconds"] * patience + 1
    while not ended and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(0.02, pause * 1.5)
        ended, status = os.waitpid(pid, os.WNOHANG)
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    if not ended:
        _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    late = not ended or -code in (signal.SIGXCPU, signal.SIGKILL)
    how = "time" if late else f"signal {-code}" if code < 0 else "exit"
    write({"ended": check["name"], "how": how})


def patient(fork: Callable[[], int]) -> int:
    """A fork; what was just ended may still count for a moment."""
    for _ in range(100):
        try:
            return fork()
        except OSError:
            time.sleep(0.02)
    return fork()


def probe(names: dict, check: dict, probes: types.ModuleType) -> dict:
    """What the probe returned, or what was raised."""
    if check["function"] not in names:
        return {
            "error": f"NameError: there is no {check['function']}:"
            " is its cell missing, or did it raise?"
        }
    try:
        tools, function = sys.modules.get("checks.probes.tools"), getattr(probes, check["probe"])
        raw = (
            tools.answers(function, names, check["inputs"])  # perhaps to several cases
            if tools
            else function(names, check["inputs"])
        )
        text = json.dumps(raw)
    except BaseException as error:
        return describe(error)
    if len(text) > MAX_RAW:
        return {"error": "what came back is too large"}
    return {"raw": raw}


def describe(error: BaseException) -> dict:
    """An exception in one line, with the notebook's cell and line where it was raised."""
    kind = (
        "it took too long: is there an endless loop?"
        if isinstance(error, TimeIsUp)
        else type(error).__name__
    )
    try:
        # a SyntaxError's own text counts cells in another way than Jupyter
        said = error.msg if isinstance(error, SyntaxError) else error
        text = " ".join(str(said)[: 10 * MAX_TEXT].split())
    except BaseException:  # a student's exception may raise while it is printed
        text = ""
    out: dict = {"error": f"{kind}: {text}"[:MAX_TEXT] if text else kind[:MAX_TEXT]}
    with contextlib.suppress(BaseException):
        for frame in traceback.extract_tb(error.__traceback__):
            if found := CELL.fullmatch(frame.filename):
                out.update(at=int(found.group(1)), line=frame.lineno)
        if isinstance(error, SyntaxError) and (found := CELL.fullmatch(error.filename or "")):
            out.update(at=int(found.group(1)), line=error.lineno)
    return out


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raises TimeIsUp after so many seconds of a core, and every second if that is swallowed."""
    rung = False

    def ring(number: int, _: object) -> None:
        nonlocal rung
        # two at once would get past the code that swallows one
        if number == signal.SIGALRM and rung:
            return
        rung = True
        raise TimeIsUp

    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 4 * seconds, 1.0)  # for cells that sleep
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def reseed(seed: int) -> None:
    random.seed(seed)
    with contextlib.suppress(Exception):  # the code may have put something else in their place
        sys.modules["torch"].manual_seed(seed)
        sys.modules["numpy"].random.seed(seed % 2**32)
