"""Submissions of people who mean well: broken files, odd notebooks, noise. What is right in them
must count.
"""

import functools

from hostile.build import (
    ANSWERS,
    FULL,
    LOSS,
    UNTOUCHED,
    WRONG_LOSS,
    WRONG_STEP,
    Case,
    cells_of,
    notebook,
)

ok = functools.partial(Case, innocent=True)


def bytes_as(name: str, data: bytes) -> dict:
    return {"raw": lambda **_: {name: data}}


STDERR = """
import sys, warnings, logging, os
os.write(2, b'[W NNPACK.cpp:56] Could not initialize NNPACK! Reason: Unsupported hardware.\\n')
warnings.warn('deprecated', DeprecationWarning)
logging.getLogger().error('only noise')
print('progress: 100 %', file=sys.stderr)
"""
MAGICS = """
%matplotlib inline
%load_ext autoreload
!pip list
%time magic = 3
files = !ls
assert magic == 3
"""

BROKEN = [
    ok("right", why="everything is right", points=FULL),
    ok(
        "untouched",
        why="the student version as released",
        points=0,
        says="Not written yet",
        replace=UNTOUCHED,
    ),
    ok(
        "missing", why="an empty folder", points=0, says="there is no toy.ipynb", raw=lambda **_: {}
    ),
    ok(
        "renamed",
        why="the notebook under another name",
        points=FULL,
        says="was expected",
        **bytes_as("toy (1) final.ipynb", notebook(ANSWERS)),
    ),
    ok(
        "not-json",
        why="cut off while it was copied",
        points=0,
        says="not a notebook",
        **bytes_as("toy.ipynb", notebook(ANSWERS)[:900]),
    ),
    ok(
        "half-a-character-in-a-cell",
        why="half an emoji in a comment",
        points=FULL,
        replace={"weighted_loss": LOSS + "  # \ud83d"},
    ),
    Case(
        "deep-json",
        "JSON nested a hundred thousand deep",
        0,
        "not a notebook",
        **bytes_as("toy.ipynb", b"[" * 100_000),
    ),
    Case(
        "linked",
        "a link to the grade book",
        0,
        "link",
        raw=lambda course, **_: {"toy.ipynb": course / "gradebook.db"},
    ),
    ok(
        "deleted-cell",
        why="one answer is deleted",
        points=WRONG_STEP,
        says="the cell step is missing",
        **bytes_as("toy.ipynb", notebook({k: v for k, v in ANSWERS.items() if k != "step"})),
    ),
    ok(
        "duplicated-cells",
        why="cells were copied and pasted",
        points=FULL,
        says="there twice",
        **bytes_as("toy.ipynb", notebook({}, cells_of(ANSWERS) + cells_of(ANSWERS)[1:3])),
    ),
    ok(
        "changed-locked",
        why="the locked set-up cell was changed by accident",
        points=FULL,
        says="was changed",
        replace={"setup": "import math\nimport trch"},
    ),
    ok("stderr-noise", why="warnings and logs on standard error", points=FULL, first=STDERR),
    ok("magics", why="IPython's magics and shell lines", points=FULL, first=MAGICS),
    ok(
        "asks",
        why="a cell that waits for input",
        points=FULL,
        says="EOFError",
        last="name = input('name? ')",
    ),
    ok("quits", why="a cell that says exit()", points=FULL, says="SystemExit", last="exit()"),
    ok(
        "syntax-error",
        why="one cell that is not Python",
        points=WRONG_LOSS,
        says="line 1: SyntaxError: expected ':'\"",
        replace={"weighted_loss": "def weighted_loss(real, fake, weight)\n    return"},
    ),
    ok(
        "figures",
        why="plots",
        points=FULL,
        last="import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\ndisplay(plt.gcf())",
    ),
    ok(
        "dataclass",
        why="classes, pickled and printed",
        points=FULL,
        last="import pickle\nfrom dataclasses import dataclass\n@dataclass\nclass Point:\n"
        "    x: int\n"
        "assert pickle.loads(pickle.dumps(Point(3))) == Point(3)\n"
        "import inspect\ndef here(): return 1\n"
        "assert 'return 1' in inspect.getsource(here)",
    ),
    ok(
        "written-otherwise",
        why="right, in other words",
        points=FULL,
        replace={
            "weighted_loss": "import torch.nn.functional as nn\n"
            "def weighted_loss(real, fake, weight):\n"
            "    d = nn.mse_loss(real, torch.ones_like(real))\n"
            "    return d + weight * nn.mse_loss(fake, fake * 0)",
            "average": "from functools import reduce\n"
            "average = lambda values, decay: reduce(lambda a, b: "
            "decay * a + (1 - decay) * b, values)",
            "step": "def step(w, x, y, rate):\n"
            "    return w - rate * 2 * x.T @ (x @ w - y) / len(y)",
        },
    ),
]
