"""Which machine this is, and how much to ask of it (profiles smoke, cpu, gpu)."""

import os
import platform
import subprocess
from functools import cache

import torch

from course_lib.errors import CourseError, check_choice, ensure, note

PROFILES = ("smoke", "cpu", "gpu")


def resolve(name: str = "auto") -> str:
    """``smoke``, ``cpu`` or ``gpu``.

    ``auto`` is COURSE_PROFILE from the environment, else gpu if there is one. Raises CourseError
    for an unknown name, and for gpu where CUDA is absent: what a CPU did is never called gpu.
    """
    if name == "auto":
        name = os.environ.get("COURSE_PROFILE") or "auto"
    if name == "auto":
        return "gpu" if torch.cuda.is_available() else "cpu"
    check_choice("profile", name, ("auto", *PROFILES))
    if name == "gpu":
        require_cuda("profile")
    return name


def require_cuda(asked_by: str) -> None:
    """Raises CourseError, with the reason if one is known, unless PyTorch can use an NVIDIA GPU."""
    if not torch.cuda.is_available():
        why = unused_gpu() or "no NVIDIA GPU was found"
        raise CourseError(
            f"CUDA is absent: {why}", asked_by, "run it where there is one, or as cpu"
        )


def pick_device(name: str = "auto") -> torch.device:
    """``auto`` is CUDA, then Apple's MPS, then the CPU.

    Raises CourseError for a device that this machine has not.
    """
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    choices = [kind for kind, is_there in has.items() if is_there]
    ensure(
        name in ("auto", *choices),
        f"device {name!r} is not available here",
        "--device",
        f"choose from {', '.join(['auto', *choices])}",
    )
    if name == "auto" and not has["cuda"] and (why := unused_gpu()):
        note(why)
    return torch.device(choices[0] if name == "auto" else name)


def _nvidia_smi(*asked: str) -> str:
    """The first line that it answers; empty where it is absent or its driver broken."""
    try:
        done = subprocess.run(["nvidia-smi", *asked], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.partition("\n")[0].strip()


@cache
def unused_gpu() -> str:
    """What is wrong where an NVIDIA GPU is here and PyTorch cannot use it.

    Empty if there is none, or if it is hidden.
    """
    gpu = _nvidia_smi("-L").partition(" (UUID")[0]
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not gpu.startswith("GPU"):
        return ""
    why = "it is the CPU build"
    if torch.version.cuda:
        why = f"its CUDA {torch.version.cuda} and the driver do not match"
    return f"{gpu} is here, but PyTorch {torch.__version__} cannot use it: {why}"


def device_name() -> str:
    """In words: ``NVIDIA ... (GPU)`` or ``CPU (x86_64, 2 cores)``."""
    device = pick_device()
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} (GPU)"
    return f"{device.type.upper()} ({platform.machine()}, {os.cpu_count()} cores)"


def driver() -> str:
    """The version of the NVIDIA driver, as nvidia-smi says it; empty where it cannot."""
    return _nvidia_smi("--query-gpu=driver_version", "--format=csv,noheader")


def use_bf16(device: torch.device, wanted: bool | None = None) -> bool:
    """``wanted`` if given; else whether bfloat16 autocast is known to pay on this device.

    It does on CPUs with AVX512-BF16 or AMX (``tools/bench_step.py`` measures it) and on GPUs
    with bfloat16 units. Elsewhere bfloat16 is emulated, and slower than float32.
    """
    if wanted is not None:
        return wanted
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # private in torch, hence the getattr
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, check, bool)() for check in checks)
