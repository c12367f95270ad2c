"""What a GPU did in this process: memory at its peak, and time of training steps by CUDA events."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_steps: list = []  # (start, end) of those that the GPU may still be at, the oldest first
_done = [0.0]  # milliseconds of the others


@contextmanager
def clock(device: torch.device) -> Iterator[None]:
    """Counts what a GPU takes for the work that is queued in here, and waits for nothing."""
    if device.type != "cuda":
        yield
        return
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    yield
    end.record()
    _steps.append((start, end))
    while _steps and _steps[0][1].query():
        _done[0] += torch.cuda.Event.elapsed_time(*_steps.pop(0))


def told() -> dict[str, float]:
    """``memory_mb``, torch's peak, and ``kernel_s``, seconds of steps of fit(); waits for them."""
    if _steps:
        torch.cuda.synchronize()
    milliseconds = _done[0] + sum(start.elapsed_time(end) for start, end in _steps)
    memory = torch.cuda.max_memory_allocated() / 1e6
    return {"memory_mb": round(memory, 1), "kernel_s": round(milliseconds / 1000, 1)}
