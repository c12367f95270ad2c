"""The speedrun: how soon a translation convinces. guide/speedrun.md has the rules and the records.

    python tools/speedrun.py watch FILE    judge seed 0 on val at each pause: to try things
    python tools/speedrun.py run FILE      the attempt: five seeds, on the hidden images
    python tools/speedrun.py verify FILE   the attempt again, beside what its receipt says
    python tools/speedrun.py table TRACK   all attempts with their verdicts, and the curve

FILE is notebooks/speedrun/TRACK/NAME.py; ``run`` writes NAME.json, its receipt, and NAME.webp. Time
is what all processes of an entry take of a core, so that waiting does not count and threads gain
nothing. It counts in steps of the one-file edition of pix2pix, which are timed in turn with it.
"""

import hashlib
import itertools
import json
import os
import runpy
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import judge  # beside this file
import torch
from numpy.lib import format as npy
from PIL import Image
from torch import Tensor

from course_lib import losses
from course_lib.data import files, open_dataset, spread
from course_lib.data.images import to_bytes
from course_lib.errors import CourseError, check_choice
from course_lib.experiments import bench
from course_lib.metrics import pixels
from course_lib.metrics.intervals import interval
from course_lib.plotting.figures import COLOURS, new_figure, stitch

SIZE, MOST, SEEDS = 128, 120, 5  # px, and at most so many images are judged
EVERY = 3.0  # seconds of a core between two steps of the unit
ONE_FILE = bench.one_file("pix2pix")


# What each seed of an attempt has to reach, fixed before the first: at least as much structure and
# colour, and at most this distance.
TRACKS = {
    "pairs": {"data": "emoji:edges", "structure": 0.6, "colour": 0.65, "distance": 0.75},
    "photographs": {"data": "photos:colour", "structure": 0.7, "colour": 0.45, "distance": 0.7},
    "unpaired": {"data": "facades:day-night", "structure": 0.6, "colour": 0.5, "distance": 0.6},
}


def images(track: str, split: str) -> list[Tensor]:
    """x and y as bytes, (n, 3, SIZE, SIZE)."""
    items = open_dataset(TRACKS[track]["data"], split, SIZE)
    some = [items[i] for i in range(len(items) if split == "train" else min(MOST, len(items)))]
    return [to_bytes(torch.stack([item[key] for item in some])) for key in "xy"]


@torch.no_grad()
def scores(track: str, fake: Tensor, real: Tensor) -> dict[str, float]:
    """Of translations and the truth, bytes: whether edges lie where they should, the overlap of the
    two histograms of colours, the distance that EfficientNet-Lite1 sees, and whether all three have
    ``reached`` their targets.
    """
    fake, real, eyes, goal = fake / 127.5 - 1, real / 127.5 - 1, judge.lite1(), TRACKS[track]
    pairs = zip(fake.split(8), real.split(8), strict=True)
    apart = sum(losses.perceptual(eyes(a), eyes(b)).item() * len(a) for a, b in pairs)
    structure = pixels.edge_agreement(fake, real).mean().item()
    colour = pixels.histogram_intersection(fake, real)
    found = {"structure": structure, "colour": colour, "distance": apart / len(fake)}
    enough = structure >= goal["structure"] and colour >= goal["colour"]
    return found | {"reached": enough and found["distance"] <= goal["distance"]}


# ---- an attempt


def unit() -> Callable[[], float]:
    """Makes a step of the one-file pix2pix, and tells its seconds of a core."""
    names = runpy.run_path(str(ONE_FILE))
    nets = [names["UNet"](SIZE, 16), names["PatchGAN"](16)]
    learners = [names["adam"](net.parameters()) for net in nets]
    x, y = torch.rand(2, 1, 3, SIZE, SIZE) * 2 - 1

    def one() -> float:
        before = time.process_time()
        names["step"](x, y, *nets, *learners)
        return time.process_time() - before

    one()  # the first is slow
    return one


def attempt(
    file: Path,
    seed: int,
    train: list[Tensor],
    x: Tensor,
    watch: Callable[[float, Tensor], None] | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """What an entry makes of ``x``, and what that took. ``watch`` gets each pause's seconds and
    translations. Raises CourseError for an entry that ends without an answer.
    """
    timed, before, (ours, theirs) = unit(), sum(os.times()[2:4]), socket.socketpair()
    reference, last, spent = [timed() for _ in range(3)], 0.0, 0.0
    command = [sys.executable, "-B", Path(__file__).with_name("entrant.py"), theirs.fileno()]
    inside = {
        "PYTHONPATH": str(ONE_FILE.parent),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    process = subprocess.Popen(
        [*map(str, [*command, file, seed])], env=os.environ | inside, pass_fds=[theirs.fileno()]
    )
    theirs.close()

    def ask(said: bytes, some: Tensor) -> tuple[float, Tensor, float]:
        """Seconds until now, translations, and the seconds then."""
        npy.write_array(wire, some.numpy()), wire.flush()
        data = torch.tensor(bytearray(wire.read(some.numel())), dtype=torch.uint8)
        return float(said), data.view_as(some), float(wire.readline())

    try:
        with process, ours, ours.makefile("rwb") as wire:
            for part in train:
                npy.write_array(wire, part.numpy())
            wire.flush()
            start = ask(wire.readline(), x[:0])[0]
            while (said := wire.readline()) != b"end\n":
                now, fake, then = ask(said, x if watch else x[:0])
                if watch:
                    watch(now - start - spent, fake)
                if now > last + EVERY:
                    reference, last = [*reference, timed()], now
                spent += then - now
            fake = ask(wire.readline(), x)[1]
    except (ValueError, RuntimeError, OSError):
        raise CourseError("it ended without an answer", file, "see what it printed") from None
    # of ended processes with all that they started, which their own count leaves out
    took, step = sum(os.times()[2:4]) - before - start, statistics.median(reference)
    return fake, {"steps": took / step, "seconds": took, "step": step}


def line(row: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in row.items())


def run(file: Path, out: Path) -> dict[str, Any]:
    """SEEDS attempts and their receipt, NAME.json in ``out``, which is written after each. A
    seed that stands there for the same file is not run again. Seed 0 leaves a picture, NAME.webp.
    """
    track, code = file.parent.name, hashlib.sha256(file.read_bytes()).hexdigest()
    path, train, (x, y) = out / f"{file.stem}.json", images(track, "train"), images(track, "test")
    kept = json.loads(path.read_text()) if path.exists() else {}
    rows = kept["rows"] if kept.get("file") == code else []
    receipt = {"file": code, "commit": files.commit(), "machine": bench.machine(), "rows": rows}
    for seed in range(len(rows), SEEDS):
        fake, took = attempt(file, seed, train, x)
        rows.append({"seed": seed, **took, **scores(track, fake, y)})
        print(line(rows[-1]), flush=True)
        files.replace_file(path, (json.dumps(receipt, indent=1) + "\n").encode())
        if seed == 0:
            shown = [part[spread(range(len(x)), 8)] / 127.5 - 1 for part in (x, fake, y)]
            Image.fromarray(stitch(shown)).save(path.with_suffix(".webp"), quality=80)
    return receipt


# ---- the records


def faster(new: list[float], old: list[float]) -> float:
    """p of a permutation test, one-sided: of all ways to deal these times out to the two, the share
    in which the first gets no more than ``new``. With five seeds each it is at least 1/252.
    """
    most = sum(new) * (1 + 1e-9)
    dealt = [sum(some) <= most for some in itertools.combinations([*new, *old], len(new))]
    return sum(dealt) / len(dealt)


def history(folder: Path, **others: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The receipts of a track in the order of their names, or ``others``, with ``steps`` of each
    seed, ``p`` of being no faster than the record so far, and whether it is the next ``record``.
    Raises CourseError for a receipt of another file.
    """
    best, found = None, {}
    for note in sorted(folder.glob("*.json")):
        path, name = note.with_suffix(".py"), note.stem
        receipt = others.get(name) or json.loads(note.read_text())
        if receipt["file"] != hashlib.sha256(path.read_bytes()).hexdigest():
            raise CourseError("the entry was changed after its attempt", path, "run it again")
        rows = receipt["rows"]
        steps = [row["steps"] for row in rows]
        p = faster(steps, best) if best else 0.0
        record = p < 0.01 and len(rows) == SEEDS and all(row["reached"] for row in rows)
        best = steps if record else best
        found[name] = receipt | {"steps": steps, "p": p, "record": record}
    return found


def verdict(one: dict[str, Any]) -> str:
    """In words: its time with a 95 % interval, and what came of it."""
    (mean, low, high, _), rows = interval(one["steps"]), one["rows"]
    minutes = statistics.fmean(row["seconds"] for row in rows) / 60
    missed = sum(not row["reached"] for row in rows)
    ended = f"no faster (p = {one['p']:.2g})"
    ended = f"missed a target in {missed} of {len(rows)}" if missed else ended
    ended = "**record**" if one["record"] else ended
    return f"{mean:,.0f} [{low:,.0f}, {high:,.0f}] | {minutes:.2f} | {ended}"


def table(folder: Path) -> str:
    """The attempts as Markdown, and their curve as guide/speedrun_TRACK.webp."""
    found = history(folder)
    lines = ["| attempt | what it is | steps | minutes of a core | verdict |", "| --- " * 5 + "|"]
    with new_figure(780, 320) as fig:
        axes = fig.add_axes((0.12, 0.2, 0.86, 0.76), ylabel="steps of the textbook")
        for name, one in found.items():
            colour = COLOURS[0] if one["record"] else "#999999"
            axes.scatter([name] * len(one["steps"]), one["steps"], 14, colour)
            about = (folder / f"{name}.py").read_text().split('"""')[1].splitlines()[0]
            link = f"[{name}](../speedrun/{folder.name}/{name}.py)"
            lines.append(f"| {link} | {about} | {verdict(one)} |")
        records = [(k, statistics.fmean(one["steps"])) for k, one in found.items() if one["record"]]
        axes.step(*zip(*(records or [(0, 0)]), strict=True), color=COLOURS[0], where="post")
        axes.tick_params("x", rotation=12)
        axes.set_ylim(0)
        fig.savefig(folder.parents[1] / "guide" / f"speedrun_{folder.name}.webp")
    return "\n".join(lines)


def main(action: str, what: Path) -> str:
    torch.set_num_threads(1)
    if action == "table":
        return table(what)
    name, track, out = what.stem, what.parent.name, Path("build/speedrun") / what.parent.name
    check_choice("track", track, TRACKS)
    if action == "run":
        return f"{len(run(what, what.parent)['rows'])} seeds"
    if action == "watch":
        x, y = images(track, "val")

        def tell(after: float, fake: Tensor) -> None:
            print(f"{after:.1f} s,", line(scores(track, fake, y)), flush=True)

        return line(attempt(what, 0, images(track, "train"), x, tell)[1])
    out.mkdir(parents=True, exist_ok=True)
    before, now = (history(what.parent, **new)[name] for new in ({}, {name: run(what, out)}))
    both = f"{verdict(before)} by its receipt, {verdict(now)} now"
    if before["record"] != now["record"]:
        raise CourseError("it is not what its receipt says", what, both)
    return both


if __name__ == "__main__":
    try:
        print(main(sys.argv[1], Path(sys.argv[2])))
    except CourseError as error:
        sys.exit(str(error))
