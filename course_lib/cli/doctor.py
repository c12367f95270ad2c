"""``course doctor``: this machine in plain words."""

import os
import platform
import re
import shutil
import sys
from importlib import metadata

import torch

import course_lib
from course_lib.training import profiles

DISTRIBUTION = "gan-translation-course"
RARE = ("earth", "heic", "sweep", "site", "logbook", "film")  # extras by themselves
# What each purpose needs: programs, and extras of the distribution ("": what everything needs).
NEEDS = {
    "course": ((), ""),
    "jupyter": ((), "lab"),
    "tests": (("git", "make", "chromium", "chromedriver", "bwrap"), "test"),
    "demos": (("npm",), "web"),
    "grading": (("bwrap",), "grading"),
    # what `all` brings is here, too: who took less is told
    **{name: ((), name) for name in RARE},
}
EXPECT = {
    "smoke": "every notebook in seconds, to see that it works; pictures stay poor",
    "cpu": "a notebook takes 1 to 13 minutes on two idle cores, up to 22 if bfloat16 is off",
    "gpu": "each notebook within about 5 minutes, with larger images and networks",
}


def report() -> str:
    """What is here, which profile runs and why, what to expect of it, and what is missing."""
    profile, device = profiles.resolve(), profiles.pick_device()
    versions = [
        f"course {course_lib.__version__}",
        f"Python {platform.python_version()}",
        *(f"{name} {metadata.version(name)}" for name in ("torch", "torchvision")),
    ]
    free = shutil.disk_usage(".").free / 2**30
    bf16 = "on" if profiles.use_bf16(device) else "off: it would be emulated here, and slow"
    facts = {
        "machine": f"{profiles.device_name()}, {free:.0f} GiB of free disk, {platform.system()}",
        "versions": ", ".join(versions),
        "profile": f"{profile}: {_why(device)}",
        "bfloat16": bf16,
        "expect": EXPECT[profile],
        **{purpose: missing(*needs) for purpose, needs in NEEDS.items()},
    }
    return "\n".join(f"{name:10} {text}" for name, text in facts.items())


def missing(programs: tuple[str, ...], *extras: str) -> str:
    """``nothing missing``, or what is, with the command that installs Python packages."""
    absent = [program for program in programs if not shutil.which(program)]
    packages = []
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # a checkout that was never installed
        requirements = []
    for requirement in requirements:
        need, _, marker = requirement.partition(";")
        name = re.split(r"[^\w.-]", need.strip())[0]
        of_extra = "".join(re.findall(r"extra == .(\w+)", marker))
        if of_extra in extras and not any(metadata.distributions(name=name)):
            packages.append(need.strip())
    if not absent and not packages:
        return "nothing missing"
    pip = f"; {sys.executable} -m pip install {' '.join(map(repr, packages))}" if packages else ""
    return f"missing: {', '.join(absent + packages)}{pip}"


def _why(device: torch.device) -> str:
    """Why this profile runs."""
    if os.environ.get("COURSE_PROFILE"):
        return "the environment variable COURSE_PROFILE says so"
    if device.type == "cuda":
        return "there is a GPU"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    return (profiles.unused_gpu() or "no NVIDIA GPU was found") + (
        "; Apple's GPU is used" if device.type == "mps" else ""
    )
