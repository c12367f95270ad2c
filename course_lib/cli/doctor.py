"""``course doctor``: this machine in plain words.

How long a notebook takes here. ``course run --store`` notes in a notebook's metadata what it took where it was made
(:func:`timing`): the seconds in all, those of them in cells that train until a clock time (a call with ``minutes=``),
and the training speed of that machine. Here the clock's part stays as it is and the rest goes with the speed, which is
measured on the spot. If bfloat16 was on there and is off here, the clock's part counts twice, the most that notebooks
allow themselves. It is a rough guess: the speed is one number, and notebooks do more than train.
"""

import ast
import json
import os
import platform
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

import torch

import course_lib
from course_lib.experiments.bench import seconds_of
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.runs import make_config
from course_lib.training import profiles

DISTRIBUTION = "gan-translation-course"
# What each purpose needs: programs, and the extra of the distribution ("" is what everything needs).
NEEDS = {
    "jupyter": ((), "lab"),
    "tests": (("git", "make", "chromium", "chromedriver", "bwrap"), "test"),
    "demos": (("npm",), "web"),
    "grading": (("bwrap",), ""),
}
# How to install a program, and its package where that has another name; None: there is none.
INSTALLERS: dict[str, tuple[str, dict[str, str | None]]] = {
    "apt-get": ("sudo apt-get install", {"bwrap": "bubblewrap", "chromedriver": "chromium-driver"}),
    "dnf": ("sudo dnf install", {"bwrap": "bubblewrap"}),
    "brew": ("brew install", {"bwrap": None}),
}


def report() -> str:
    """What is here, which profile runs and why, how long the notebooks take, and what is missing. Takes seconds."""
    profile, device = profiles.resolve(), profiles.pick_device()
    bf16 = profiles.use_bf16(device)
    speed = images_per_second(profile, device, bf16)
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "torchvision"))
    lines = [
        f"machine    {profiles.device_name()}, {_memory()} of memory, {_free_disk()} of free disk, {platform.system()}",
        f"versions   course {course_lib.__version__}, Python {platform.python_version()}, {versions}",
        f"profile    {profile}: {_why(device)}",
        f"bfloat16   {'on: this device has units for it' if bf16 else 'off: it would be emulated here, and slow'}",
        f"speed      {speed:.0f} images/s in pix2pix training at this profile, just measured{_busy()}",
    ]
    notebooks = find_notebooks()
    if not notebooks:
        lines.append(
            "notebooks  none here: run this in the course's folder to see how long each takes"
        )
    for i, path in enumerate(notebooks):
        said = estimate(path, profile, speed, bf16)
        lines.append(f"{'' if i else 'notebooks':10} {path.stem}: {said}")
    lines += [
        f"{purpose:10} {missing(programs, extra)}" for purpose, (programs, extra) in NEEDS.items()
    ]
    return "\n".join(lines)


def images_per_second(profile: str, device: torch.device, bf16: bool) -> float:
    """Training speed of pix2pix, at the profile's size: that of the fastest step in about two seconds of work."""
    config = make_config("pix2pix", profile)
    method = Pix2Pix(config, device, bf16)
    shape = (config.batch_size, 3, config.image_size, config.image_size)
    batch = {key: torch.rand(shape, device=device) * 2 - 1 for key in ("x", "y")}
    seconds: list[float] = []
    while len(seconds) < 2 or sum(seconds) < 2:
        seconds.append(seconds_of(lambda: method.step(batch)))
    return config.batch_size / min(seconds)


# ---- how long a notebook takes


def timing(executed: Path, profile: str, seconds: float) -> dict:
    """What to note in a notebook that papermill executed into ``executed``, in so many seconds on this machine."""
    device = profiles.pick_device()
    bf16 = profiles.use_bf16(device)
    cells = [
        cell
        for cell in json.loads(executed.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    by_the_clock = [
        cell["metadata"].get("papermill", {})
        for cell in cells
        if _has_minutes("".join(cell["source"]))
    ]
    clock, speed = (
        sum(noted.get("duration") or 0.0 for noted in by_the_clock),
        images_per_second(profile, device, bf16),
    )
    rounded = {"seconds": round(seconds), "clock_seconds": round(clock), "speed": round(speed)}
    return {"profile": profile, **rounded, "bf16": bf16}


def _has_minutes(source: str) -> bool:
    """Whether a cell calls something with ``minutes=``."""
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    except SyntaxError:  # a magic
        return False
    return any(keyword.arg == "minutes" for call in calls for keyword in call.keywords)


def estimate(path: Path, profile: str, speed: float, bf16: bool) -> str:
    """``about 7 minutes`` for the stored notebook at ``path``, or ``not measured``."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))["metadata"]["course"]
        seconds, clock, its_speed = (
            float(noted[key]) for key in ("seconds", "clock_seconds", "speed")
        )
        its_profile, its_bf16 = noted["profile"], noted["bf16"]
    except (OSError, ValueError, KeyError, TypeError):
        return "not measured"
    if its_profile != profile:
        return f"not measured at profile {profile} ({_minutes(seconds)} at {its_profile} where it was made)"
    return _minutes(
        clock * (2 if its_bf16 and not bf16 else 1) + (seconds - clock) * its_speed / speed
    )


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "under a minute" if seconds < 50 else f"about {minutes} minute{'s' * (minutes > 1)}"


def find_notebooks() -> list[Path]:
    """Those in ``notebooks/`` here, or else beside the library: a wheel brings none."""
    folders = (Path("notebooks"), Path(course_lib.__file__).parents[1] / "notebooks")
    return next((found for folder in folders if (found := sorted(folder.glob("*.ipynb")))), [])


# ---- what is missing


def missing(programs: tuple[str, ...], extra: str) -> str:
    """``nothing missing``, or the programs and Python packages that are, with the commands that install them."""
    absent, packages = (
        [program for program in programs if not shutil.which(program)],
        _absent_packages(extra),
    )
    if not absent and not packages:
        return "nothing missing"
    commands = (
        [f"{sys.executable} -m pip install {' '.join(map(repr, packages))}"] if packages else []
    )
    return f"missing: {', '.join(absent + packages)}; install: {' and '.join(commands + _install(absent))}"


def _install(programs: list[str]) -> list[str]:
    """The command for this system's package manager, or words where there is none."""
    tool = next((tool for tool in INSTALLERS if shutil.which(tool)), None)
    if not programs or tool is None:
        return ["the programs, with this system's package manager"] * bool(programs)
    command, renamed = INSTALLERS[tool]
    names = [renamed.get(program, program) for program in programs]
    found = [f"{command} {' '.join(filter(None, names))}"] if any(names) else []
    return found + ["(bubblewrap exists on Linux only)"] * (None in names)


def _absent_packages(extra: str) -> list[str]:
    """Requirements of the installed distribution's ``extra`` ("": of the course itself) that are not installed."""
    try:
        lines = [line.partition(";") for line in metadata.requires(DISTRIBUTION) or []]
    except metadata.PackageNotFoundError:  # a checkout that was never installed: nothing is known
        return []
    marked = [
        (need.strip(), "".join(re.findall(r"extra == .(\w+)", marker))) for need, _, marker in lines
    ]
    return [
        need
        for need, its_extra in marked
        if its_extra == extra and not _installed(re.split(r"[^\w.-]", need)[0])
    ]


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


# ---- the machine


def _why(device: torch.device) -> str:
    if os.environ.get("COURSE_PROFILE"):
        return "the environment variable COURSE_PROFILE says so"
    if device.type == "cuda":
        return "there is a GPU"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    found = profiles.unused_gpu() or "no NVIDIA GPU was found"
    return found + ("; Apple's GPU is used" if device.type == "mps" else "")


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, ValueError, OSError):  # Windows
        return "an unknown amount"


def _free_disk() -> str:
    return f"{shutil.disk_usage('.').free / 2**30:.0f} GiB"


def _busy() -> str:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # Windows does not tell
    busy = load > (os.cpu_count() or 1)
    return (
        f" (other programs are running, load {load:.1f}: without them all this is faster)"
        if busy
        else ""
    )
