"""The speedrun: how soon a translation convinces. guide/speedrun.md has the rules and the records.

    course speedrun watch FILE    judge seed 0 on val at each pause: to try things
    course speedrun run FILE      the attempt: five seeds, on the hidden images
    course speedrun table TRACK   all attempts with their verdicts
    course speedrun class TRACK   runs all entries of a folder again, and ranks them: verifies them

FILE is notebooks/speedrun/TRACK/NAME.py; ``run`` writes NAME.json, its receipt, and NAME.webp.
TRACK is a folder with this name, anywhere; ``class`` writes build/speedrun/TRACK/class.html. Time
is what all processes of an entry take of a core, so that waiting does not count and threads gain
nothing. It counts in steps of the one-file edition of pix2pix, which are timed in turn with it. An
entry runs in the sandbox in which submissions are graded, which needs bubblewrap.
"""

import base64
import functools
import hashlib
import itertools
import json
import os
import runpy
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from jinja2 import Template
from numpy.lib import format as npy
from PIL import Image

from assignments.grader import sandbox
from assignments.grader.child import jail
from course_lib import losses
from course_lib.data import files, open_dataset, spread
from course_lib.data.images import to_bytes
from course_lib.errors import CourseError, check_choice, ensure
from course_lib.experiments import bench
from course_lib.metrics import pixels
from course_lib.metrics.intervals import interval
from course_lib.plotting.figures import stitch
from tools import judge

SIZE, SEEDS, MOST = 128, 5, {"train": 1000, "val": 120, "test": 120}  # px, and images
LIMIT, LARGEST, EVERY = 3600, 20_000, 3.0  # s by the clock, bytes, and s between steps of the unit
ONE_FILE = bench.ONE_FILE / "pix2pix.py"


# The data, and what each seed of an attempt has to reach, fixed before the first: of MORE at least
# as much, of the distance at most.
MORE = "structure", "colours", "places", "lights"
TRACKS = {
    "pairs": ("facades", {"structure": 0.70, "colours": 0.52, "distance": 0.88}),
    "photographs": (
        "photos:colour",
        {"structure": 0.71, "colours": 0.41, "places": 0.04, "distance": 0.75},
    ),
    "unpaired": (
        "facades:day-night",
        {"structure": 0.44, "colours": 0.82, "lights": 0.56, "distance": 0.81},
    ),
}


@functools.cache
def images(track: str, split: str) -> list[torch.Tensor]:
    """x and y as bytes, (n, 3, SIZE, SIZE)."""
    items = open_dataset(TRACKS[track][0], split, SIZE)
    some = [items[i] for i in range(min(MOST[split], len(items)))]
    return [to_bytes(torch.stack([item[key] for item in some])) for key in "xy"]


def palette(ab: torch.Tensor) -> torch.Tensor:
    """How much colour (chroma) patches (n, 2) have of each kind, squares of 16 a by 16 b."""
    return torch.bincount(
        ((ab / 16 + 7).long() * torch.tensor([14, 1])).sum(1), ab.norm(dim=1).double(), 14**2
    )


def patches(images: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Means of squares of ``size`` px of images: L (n, 1) and a, b (n, 2) of CIE Lab."""
    means = F.avg_pool2d(pixels.rgb_to_lab(images), size).movedim(1, -1)
    return means.flatten(0, 2).split([1, 2], 1)


def beyond(ours: torch.Tensor, theirs: torch.Tensor, known: torch.Tensor) -> float:
    """How much of theirs (n, c), the truth, is in its place, less what goes the other way. What
    patches have in common that agree, within ten, in what is ``known`` (n, 1) is taken off first.
    """
    told = F.one_hot((known[:, 0] / 10).long()).float()
    mine, true = (part - told @ (torch.linalg.pinv(told) @ part) for part in (ours, theirs))
    most = true.norm(dim=1).clamp(min=1e-6)
    return (torch.minimum((mine * true).sum(1) / most, most).sum() / most.sum()).item()


@torch.no_grad()
def scores(track: str, x: torch.Tensor, fake: torch.Tensor, real: torch.Tensor) -> dict[str, float]:
    """Of translations of x and the truth, bytes: whether edges lie where they should; how much of
    all the truth's colour is there, anywhere; the distance that EfficientNet-Lite1 sees; how much
    is in its place of what lightness doesn't tell, of photographs' colours, or of a night's lights,
    which the day doesn't tell; and whether it has ``reached`` its targets. Colours are means of
    patches of 16 px, in which specks cancel out.
    """
    x, fake, real = (images / 127.5 - 1 for images in (x, fake, real))
    (_, ours), (light, theirs) = patches(fake, 16), patches(real, 16)
    kinds, eyes, goals = palette(theirs), judge.lite1(), TRACKS[track][1]
    found = {
        "structure": pixels.edge_agreement(fake, real).mean().item(),
        "colours": (torch.minimum(palette(ours), kinds).sum() / kinds.sum()).item(),
        **({"places": beyond(ours, theirs, light)} if track == "photographs" else {}),
        **(
            {"lights": beyond(*(patches(images, 4)[0] for images in (fake, real, x)))}
            if track == "unpaired"
            else {}
        ),
        "distance": statistics.fmean(
            losses.perceptual(eyes(a), eyes(b)).item()
            for a, b in zip(fake.split(1), real.split(1), strict=True)
        ),
    }
    return found | {
        "reached": all(
            found[name] >= goal if name in MORE else found[name] <= goal
            for name, goal in goals.items()
        )
    }


# ---- an attempt


def unit() -> Iterator[float]:
    """Steps of the one-file pix2pix, in seconds of a core."""
    names, pair = runpy.run_path(str(ONE_FILE)), torch.rand(2, 1, 3, SIZE, SIZE)
    nets = names["UNet"](SIZE, 16), names["PatchGAN"](16)
    learners = [names["adam"](net.parameters()) for net in nets]
    while True:
        before = time.process_time()
        names["step"](*(2 * pair - 1), *nets, *learners)
        yield time.process_time() - before


def start(file: Path, library: Path, said: int, wire: int, *words: int) -> subprocess.Popen:
    """The process of an entry, in the grader's sandbox, which shows it ``library`` and Python, and
    neither the course nor a GPU.
    """
    shutil.copytree(Path(jail.__file__).parent, library / "grading_child")
    for source in (*ONE_FILE.parent.glob("*.py"), Path(__file__).with_name("entrant.py"), file):
        shutil.copy(source, library / ("entry.py" if source == file else source.name))
    library.chmod(0o755)
    return subprocess.Popen(
        [
            *(
                *sandbox.bubblewrap(library, [Path(at) / "course_lib" for at in sys.path])[:-1],
                "--as-pid-1",
                "--",
            ),
            *(sys.executable, "-B", "-m", "entrant", *map(str, (wire, *words))),
        ],
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        pass_fds=[wire],
    )


def attempt(
    file: Path,
    seed: int,
    train: list[torch.Tensor],
    x: torch.Tensor,
    watch: Callable[[float, torch.Tensor], None] | None = None,
) -> tuple[torch.Tensor, dict[str, float]]:
    """What an entry makes of ``x``, and what that took. ``watch`` gets each pause's seconds and
    translations, which do not count. Raises CourseError for an entry that is too large, ends
    without an answer, or takes more than its limits.
    """
    ensure(
        file.stat().st_size <= LARGEST,
        "it is too large for an entry",
        file,
        f"at most {LARGEST:,} bytes",
    )
    timed, before, (ours, theirs) = unit(), sum(os.times()[2:4]), socket.socketpair()
    reference, last = [next(timed) for _ in range(12)][2:], time.monotonic()  # the first are slow

    def ask(some: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Translations, and the seconds then."""
        npy.write_array(wire, some.numpy())
        wire.flush()
        said = torch.tensor(bytearray(wire.read(some.numel())), dtype=torch.uint8)
        return said.view_as(some), float(wire.readline(99))

    with (
        tempfile.TemporaryDirectory() as library,
        tempfile.TemporaryFile() as said,
        ours,
    ):
        process = start(file, Path(library), said.fileno(), theirs.fileno(), seed, LIMIT)
        wire, _ = ours.makefile("rwb"), theirs.close()
        try:
            for part in train:
                npy.write_array(wire, part.numpy())
            wire.flush()
            aside = float(wire.readline(99))  # until it began
            while (told := wire.readline(99)) != b"end\n":
                if time.monotonic() > last + EVERY:  # it waits to be asked
                    reference, last = [*reference, next(timed)], time.monotonic()
                fake, then = ask(x if watch else x[:0])
                if watch:
                    watch(float(told) - aside, fake)
                    aside += then - float(told)
            fake, _ = wire.readline(99) and ask(x)
        except (ValueError, RuntimeError, OSError):
            ours.shutdown(socket.SHUT_RDWR), process.wait(), said.seek(0)
            raise CourseError(
                "it ended without an answer", file, said.read()[-2000:].decode(errors="replace")
            ) from None
        finally:
            process.wait()
    # of ended processes with all that they started, which their own count leaves out
    took = sum(os.times()[2:4]) - before - aside
    step = statistics.median([*reference, *itertools.islice(timed, 10)])
    return fake, {"steps": took / step, "seconds": took, "step": step}


def checked(file: Path, receipt: dict) -> dict:
    """The receipt of a file. Raises CourseError if it is that of another one."""
    ensure(
        receipt["file"] == hashlib.sha256(file.read_bytes()).hexdigest(),
        "the entry was changed after its attempt",
        file,
        "give it a new name",
    )
    return receipt


def run(file: Path, out: Path | None = None, seeds: int = 0) -> dict:
    """Attempts with so many ``seeds``, or SEEDS, and their receipt, NAME.json in ``out`` or beside
    the file, which is written after each. A seed that stands there for the same file is not run
    again. Seed 0 leaves a picture, NAME.webp. Raises CourseError for a receipt of another file.
    """
    track, path = file.parent.name, (out or file.parent) / f"{file.stem}.json"
    kept = {
        "file": hashlib.sha256(file.read_bytes()).hexdigest(),
        "commit": files.commit(),
        "machine": bench.machine(),
        "rows": [],
    } | (checked(file, json.loads(path.read_text())) if path.exists() else {})
    train, (x, y), rows = images(track, "train"), images(track, "test"), kept["rows"]
    for seed in range(len(rows), seeds or SEEDS):
        fake, took = attempt(file, seed, train, x)
        rows.append({"seed": seed, **took, **scores(track, x, fake, y)})
        print(rows[-1], flush=True)
        files.replace_file(path, (json.dumps(kept, indent=1) + "\n").encode())
        if seed == 0:
            Image.fromarray(
                stitch([part[spread(range(len(x)), 8)] / 127.5 - 1 for part in (x, fake, y)])
            ).save(path.with_suffix(".webp"), quality=80)
    return kept


# ---- the records


def faster(new: list[float], old: list[float]) -> float:
    """p of a permutation test, one-sided: of all ways to deal these times out to the two, the share
    in which the first gets no more than ``new``. With five seeds each it is at least 1/252.
    """
    most, deals = sum(new) * (1 + 1e-9), itertools.combinations([*new, *old], len(new))
    return statistics.fmean(sum(some) <= most for some in deals)


def history(folder: Path) -> dict[str, dict]:
    """The receipts of a track in the order of their names, with ``steps`` of each seed, ``p`` of
    being no faster than the record so far, and whether it is the next ``record``. Raises
    CourseError for a receipt of another file.
    """
    best, found = None, {}
    for note in sorted(folder.glob("*.json")):
        receipt = checked(note.with_suffix(".py"), json.loads(note.read_text()))
        rows, steps = receipt["rows"], [row["steps"] for row in receipt["rows"]]
        p = faster(steps, best) if best else 0.0
        record = p < 0.01 and len(rows) == SEEDS and all(row["reached"] for row in rows)
        best = steps if record else best
        found[note.stem] = receipt | {"steps": steps, "p": p, "record": record}
    return found


def verdict(one: dict) -> str:
    """In words: its time with a 95 % interval, and what came of it."""
    (mean, low, high, _), rows = interval(one["steps"]), one["rows"]
    took, missed = sum(row["seconds"] for row in rows), sum(not row["reached"] for row in rows)
    ended = (
        f"missed a target in {missed} of {len(rows)}"
        if missed
        else "**record**"
        if one["record"]
        else f"no faster (p = {one['p']:.2g})"
    )
    span = f" [{low:,.0f}, {high:,.0f}]" * (len(rows) > 1)
    part = f", unfinished: {len(rows)} of {SEEDS} seeds" * (len(rows) < SEEDS)
    return f"{mean:,.0f}{span} | {took / 60 / len(rows):.2f} | {ended}{part}"


def table(folder: Path) -> str:
    """The attempts as Markdown, with the worst of their seeds' scores."""
    found, goals = history(folder), TRACKS[folder.name][1]
    rows = [
        ["attempt", "what it is", *goals, "steps", "minutes", "verdict"],
        ["---"] * (5 + len(goals)),
        *(
            [
                f"[{name}](../speedrun/{folder.name}/{name}.py)",
                (folder / f"{name}.py").read_text().splitlines()[0].strip('"'),
                *(
                    f"{(min if goal in MORE else max)(row[goal] for row in one['rows']):.3f}"
                    for goal in goals
                ),
                verdict(one),
            ]
            for name, one in found.items()
        ),
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def ranking(folder: Path) -> str:
    """The page of a class: its entries, each run here, by how many others are faster than it beyond
    chance, so that ties are ties; who missed a target, or lost, comes last. Each seed
    runs for all before the next, so what else the machine does slows nobody more than others.
    """
    out, found, lost = Path("build/speedrun") / folder.name, {}, {}
    shutil.rmtree(out, ignore_errors=True), out.mkdir(parents=True)
    entries = (file for file in sorted(folder.glob("*.py")) if not file.is_symlink())
    for seed, file in itertools.product(range(SEEDS), entries):
        try:
            found[file.stem] = file.stem in lost or run(file, out, seed + 1)["rows"]
        except (CourseError, OSError) as error:
            lost[file.stem] = error
    times = {k: [row["steps"] for row in rows] for k, rows in found.items() if k not in lost}
    kept = {note.stem: json.loads(note.read_text())["rows"] for note in folder.glob("*.json")}
    good = [mine for k, mine in times.items() if all(row["reached"] for row in found[k])]
    rows = [
        {
            "name": name,
            "place": mine in good and 1 + sum(faster(other, mine) < 0.01 for other in good),
            "gap": max(
                (
                    abs(new[score] - old[score])
                    for new, old in zip(found[name], kept.get(name, []), strict=False)
                    for score in old.keys() & {*MORE, "distance"}
                ),
                default=None,
            ),
            "time": dict(zip(("mean", "low", "high"), interval(mine), strict=False)),
            "picture": base64.b64encode((out / f"{name}.webp").read_bytes()).decode(),
        }
        for name, mine in times.items()
    ]
    Template(Path(__file__).with_suffix(".html").read_text(), autoescape=True).stream(
        track=folder.name, entries=rows, lost=lost
    ).dump(f"{out}/class.html", "utf-8")
    return f"{out}/class.html"


def watch(file: Path) -> dict[str, float]:
    """Seed 0, judged on val at each pause."""
    train, (x, y) = (images(file.parent.name, split) for split in ("train", "val"))
    return attempt(
        file,
        *(0, train, x),
        lambda after, fake: print(
            f"{after:.1f} s,", scores(file.parent.name, x, fake, y), flush=True
        ),
    )[1]


def main(action: str, what: Path) -> object:
    check_choice("action", action, ACTIONS)
    check_choice("track", (what if action in ("table", "class") else what.parent).name, TRACKS)
    torch.set_num_threads(1), sandbox.choose_tier("bubblewrap"), judge.lite1()  # or nobody starts
    return ACTIONS[action](what)


ACTIONS = {"watch": watch, "run": run, "table": table, "class": ranking}
