"""Submissions that attack the grader, the machine, the others, or the truth."""

from hostile.build import FULL, LOSS, WRONG_AVERAGE, WRONG_LOSS, WRONG_STEP, Case

WRONG = "def weighted_loss(real, fake, weight):\n    return (real * 0).sum() + (fake * 0).sum()"
GRAB = "def average(values, decay):\n    raise RuntimeError(open('{course}/%s').read())"


def average(body: str, imports: str = "import os, sys, time") -> dict[str, str]:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return {"average": f"{imports}\ndef average(values, decay):\n{lines}"}


EQUAL = """class Equal(float):
    __eq__ = __ge__ = __le__ = lambda self, other: True
    __hash__ = float.__hash__
"""
FORGE = """import json, os
for name in ('loss_values', 'loss_slope', 'average_values', 'step_updates'):
    line = {'check': name, 'raw': {'value': 1.0}, 'share': 1.0, 'score': 10}
    for file in range(3, 20):
        try: os.write(file, (chr(10) + json.dumps(line) + chr(10)).encode())
        except OSError: pass
os.write(4, b'\\n{"cells": []}\\n{"end": true}\\n')
os._exit(0)
"""

ATTACKS = [
    # Loops.
    Case(
        "loop-in-function",
        "an endless loop in one function",
        WRONG_AVERAGE,
        "too long",
        average("while True:\n    pass"),
    ),
    Case(
        "loop-in-cell",
        "an endless loop in a cell of its own",
        FULL,
        "too long",
        last="while True:\n    pass",
    ),
    Case(
        "loop-that-swallows",
        "an endless loop that catches what should end it",
        0,
        "too long",
        first="while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass",
    ),
    Case(
        "sleeps",
        "a function that waits for ever",
        WRONG_AVERAGE,
        "too long",
        average("time.sleep(10**6)"),
    ),
    # Processes.
    Case(
        "fork-bomb-in-cell",
        "forks for ever in a cell",
        FULL,
        "BlockingIOError",
        last="import os\nwhile True:\n    os.fork()",
    ),
    Case(
        "daemon",
        "leaves a process behind",
        FULL,
        "",
        last="import subprocess\nsubprocess.Popen(['sleep', '98765'], start_new_session=True)",
    ),
    Case(
        "never-reaped-at-all",
        "leaves children unreaped until it may have no more",
        FULL,
        "BlockingIOError",
        last="import os\nwhile True:\n    if os.fork() == 0:\n        os._exit(0)",
    ),
    Case(
        "threads",
        "starts threads until it may not",
        FULL,
        "start new thread",
        last="import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(999,)).start()",
    ),
    Case(
        "kills-all",
        "kills every process it can see",
        FULL,
        "",
        last="import os\nos.kill(-1, 9)",
    ),
    Case(
        "new-namespaces",
        "tries for new rights in a user namespace",
        WRONG_AVERAGE,
        "refused",
        average(
            "if ctypes.CDLL(None).unshare(0x10000000) != 0:\n    raise OSError('refused')\n"
            "return 0.0",
            "import ctypes",
        ),
    ),
    # Files and network.
    Case(
        "deletes",
        "deletes what it can reach",
        FULL,
        "",
        last="import shutil, sys\n"
        "for place in ('{course}', '/grading', sys.prefix + '/bin', '/scratch'):\n"
        "    shutil.rmtree(place, ignore_errors=True)",
    ),
    Case(
        "reads-grade-book",
        "reads the grade book",
        WRONG_AVERAGE,
        "FileNotFoundError",
        {"average": GRAB % "gradebook.db"},
    ),
    Case(
        "writes-grade-book",
        "gives itself points",
        FULL,
        "unable to open",
        last="import sqlite3\n"
        "sqlite3.connect('{course}/gradebook.db').execute('UPDATE grade SET auto_score = 10')",
    ),
    Case(
        "reads-hidden-checks",
        "reads the hidden checks",
        WRONG_AVERAGE,
        "FileNotFoundError",
        {"average": GRAB % "checks/toy.py"},
    ),
    Case(
        "imports-hidden-checks",
        "imports the hidden checks",
        WRONG_AVERAGE,
        "ImportError",
        average("from checks import toy\nreturn toy.average_inputs"),
    ),
    Case(
        "reads-environment",
        "looks for secrets in the environment",
        WRONG_AVERAGE,
        "environ",
        average(
            "raise RuntimeError('environ ' + repr("
            "{k: v for k, v in os.environ.items() if 'SECRET' in k}))"
        ),
    ),
    Case(
        "traces-the-first",
        "traces the process that waits for it",
        WRONG_AVERAGE,
        "refused",
        average(
            "if ctypes.CDLL(None).ptrace(16, os.getppid() if os.getppid() < 2 else 1, 0, 0) != 0:\n"
            "    raise OSError('refused')\nreturn 0.0",
            "import ctypes, os",
        ),
    ),
    Case(
        "dials-home",
        "opens a connection to a server on this machine",
        WRONG_AVERAGE,
        "ConnectionRefused",
        average("socket.create_connection(('127.0.0.1', {port}), timeout=1)", "import socket"),
    ),
    Case(
        "mounts",
        "mounts a disk over what others see",
        WRONG_AVERAGE,
        "refused",
        average(
            "if ctypes.CDLL(None).mount(b'tmpfs', b'/grading', b'tmpfs', 0, None) != 0:\n"
            "    raise OSError('refused')\nreturn 0.0",
            "import ctypes",
        ),
    ),
    Case(
        "leaves-a-note",
        "leaves a file for the next submission",
        FULL,
        "",
        last="import os\nif os.path.exists('/scratch/note'): raise RuntimeError('NOTE FOUND')\n"
        "open('/scratch/note', 'w').write(open('/dev/shm/note', 'a').name)",
    ),
    Case(
        "finds-a-note",
        "finds what an earlier submission left",
        FULL,
        "",
        last="import os\nif os.path.exists('/scratch/note') or os.path.exists('/dev/shm/note'):\n"
        "    raise RuntimeError('NOTE FOUND')",
    ),
    # Tricks with results.
    Case(
        "equals-everything",
        "returns an object that equals everything",
        WRONG_LOSS,
        "",
        {"weighted_loss": EQUAL + "def weighted_loss(real, fake, weight):\n    return Equal(0)"},
    ),
    Case(
        "patched-allclose",
        "patches what compares numbers",
        WRONG_LOSS,
        "labels",
        {"weighted_loss": WRONG},
        first="import builtins, math, numpy, torch\nyes = lambda *_, **__: True\n"
        "torch.allclose = torch.equal = torch.isclose = numpy.allclose = math.isclose = yes\n"
        "torch.testing.assert_close = numpy.testing.assert_allclose = lambda *_, **__: None",
    ),
    Case(
        "patched-json",
        "patches what writes results",
        WRONG_LOSS,
        "labels",
        {"weighted_loss": WRONG},
        first='import json\njson.dumps = lambda *_, **__: \'{"share": 1.0, "score": 4}\'',
    ),
    Case(
        "exit-in-cell",
        "leaves with status 0 in a cell",
        FULL,
        "SystemExit",
        last="import sys\nsys.exit(0)",
    ),
    Case(
        "hard-exit-in-function",
        "ends its process with status 0 in a function",
        WRONG_AVERAGE,
        "os._exit",
        average("os._exit(0)"),
    ),
    Case(
        "hard-exit-in-cell",
        "ends its process with status 0 before any check",
        0,
        "ended its own process",
        last="import os\nos._exit(0)",
    ),
    Case(
        "crash",
        "crashes the interpreter",
        WRONG_AVERAGE,
        "crashed",
        average("return ctypes.string_at(0)", "import ctypes"),
    ),
    Case("forged-results", "writes results of its own, then ends", 0, "", first=FORGE),
    Case(
        "forged-beside",
        "writes a result of its own beside the true one",
        WRONG_LOSS,
        "more than one",
        {
            "weighted_loss": "import json, os\n"
            + LOSS.replace(
                "\n    return",
                "\n    for name in ('loss_values', "
                "'loss_slope'):\n        line = json.dumps({'check': name, 'raw': {'value': 1}})\n"
                "        os.write(4, (chr(10) + line + chr(10)).encode())\n    return",
            )
        },
    ),
    Case(
        "looks-for-the-answer",
        "searches the process for the expected value",
        WRONG_AVERAGE,
        "decay",
        average(
            "for thing in gc.get_objects():\n"
            "    if isinstance(thing, dict) and 'expectations' in thing:\n"
            "        return thing['expectations']['value']\nreturn 0.0",
            "import gc",
        ),
    ),
    Case(
        "imports-the-answer",
        "imports what is being graded from the library",
        WRONG_LOSS,
        "ImportError",
        {
            "weighted_loss": "from course_lib.losses import least_squares_real as a\n"
            "from course_lib.losses import least_squares_fake as b\n"
            "def weighted_loss(real, fake, weight):\n    return 2 * a(real) + 2 * weight * b(fake)"
        },
    ),
    Case(
        "half-a-character",
        "raises what UTF-8 cannot hold",
        WRONG_AVERAGE,
        "ValueError",
        average("raise ValueError('\\ud83d')"),
    ),
    Case(
        "recursion",
        "calls itself for ever",
        WRONG_AVERAGE,
        "RecursionError",
        average("return average(values, decay)"),
    ),
    # Floods.
    Case(
        "20-mb-of-output",
        "prints 20 MB, to both streams",
        FULL,
        "",
        first="import sys\nprint('x' * 20_000_000)\nprint('y' * 20_000_000, file=sys.stderr)",
    ),
    Case(
        "floods-the-pipe",
        "writes to the pipe of results for ever",
        0,
        "more output",
        last="import os\nwhile True:\n    os.write(4, b'x' * 10**6)",
    ),
    Case(
        "floods-with-lines",
        "writes 31 MB of empty messages to the pipe of results",
        0,
        "more output",
        last="import os\nfor n in range(1000):\n    os.write(4, b'{}\\n' * 10_000)",
    ),
    Case(
        "deep-result",
        "answers with ten thousand lists, each in the one before",
        WRONG_AVERAGE,
        "cannot be read",
        average(
            "deep = b'[' * 10_000 + b']' * 10_000\n"
            'os.write(4, b\'\\n{"check": "average_values", "raw": \' + deep + b\'}\\n\')\n'
            "os._exit(0)"
        ),
    ),
    Case(
        "ten-million-lines",
        "prints ten million lines",
        FULL,
        "",
        last="for n in range(10**7):\n    print('{}')",
    ),
    Case(
        "huge-allocation",
        "asks for 100 GB",
        WRONG_AVERAGE,
        "MemoryError",
        average("return bytearray(10**11)"),
    ),
    Case(
        "huge-result",
        "returns ten million numbers",
        WRONG_STEP,
        "",
        {"step": "def step(w, x, y, rate):\n    return torch.zeros(10**7)"},
    ),
    Case(
        "fills-the-disk",
        "writes until the disk is full",
        FULL,
        "OSError",
        last="with open('big', 'wb') as file:\n    while True:\n        file.write(bytes(2**20))",
    ),
]
