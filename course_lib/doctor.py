"""``course doctor``: this machine in plain words."""

import os
import platform
import shutil
import time
from importlib import metadata

import torch

from course_lib import profiles
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.runs import make_config

MAIN_TRAINING_MINUTES = 5  # of a notebook, by the contract of the profiles


def report() -> str:
    """What is here, which profile runs, a measured speed, and what is missing. Takes a few seconds."""
    profile, device = profiles.resolve(), profiles.pick_device()
    bf16 = profiles.use_bf16(device)
    speed = images_per_second(profile, device, bf16)
    lines = [
        f"machine    {profiles.device_name()}, Python {platform.python_version()}, {platform.system()}",
        f"memory     {_memory()}, free disk {shutil.disk_usage('.').free / 2**30:.0f} GiB",
        "packages   " + ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "torchvision", "papermill")),
        f"profile    {profile}" + (" (from COURSE_PROFILE)" if os.environ.get("COURSE_PROFILE") else ""),
        f"bfloat16   {'on: this device has units for it' if bf16 else 'off: it would be emulated here, and slow'}",
        f"speed      {speed:.0f} images/s in pix2pix training at this profile, just measured: "
        f"{speed * 60 * MAIN_TRAINING_MINUTES:,.0f} images in {MAIN_TRAINING_MINUTES} minutes",
    ]
    wanted = {"git": "to get updates", "chromium": "for browser tests", "bwrap": "to grade submissions safely"}
    missing = [f"{tool} ({why})" for tool, why in wanted.items() if not shutil.which(tool)]
    lines.append(f"missing    {', '.join(missing) if missing else 'nothing'}")
    return "\n".join(lines)


def images_per_second(profile: str, device: torch.device, bf16: bool) -> float:
    """Training speed of pix2pix, at the profile's size, from about two seconds of work."""
    config = make_config("pix2pix", profile)
    method = Pix2Pix(config, device, bf16)
    shape = (config.batch_size, 3, config.image_size, config.image_size)
    batch = {key: torch.rand(shape, device=device) * 2 - 1 for key in ("x", "y")}
    for _ in range(2):
        method.step(batch)  # warm up
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < 2:
        method.step(batch)
        count += config.batch_size
    return count / (time.perf_counter() - start)


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, ValueError, OSError):  # Windows
        return "of unknown size"
