"""One thread or all: whichever trains faster on this CPU, as the first steps show.

PyTorch splits each layer among as many threads as there are cores, and the fastest waits for the
slowest. Where other programs want the cores, as on a shared server, one thread alone can be ten
times as fast.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

TRIED = 3  # steps with each number of threads


class Threads:
    """The number of threads of a training's steps; afterwards torch has as many as before.

    Unless ``may_choose``, and where OMP_NUM_THREADS is set, it stays as it is: with another number
    of threads torch rounds differently, and some trainings must repeat to the bit.
    """

    def __init__(self, device: torch.device, may_choose: bool = True):
        self.all = torch.get_num_threads()
        is_free = may_choose and device.type == "cpu" and "OMP_NUM_THREADS" not in os.environ
        self.trial = [1] * TRIED + [self.all] * TRIED if is_free and self.all > 1 else []
        self.tried: list[tuple[float, int]] = []  # seconds of a step, and with how many

    def close(self) -> None:
        torch.set_num_threads(self.all)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around a step: the first are a trial, and the others get the threads that won it."""
        if self.trial:
            torch.set_num_threads(self.trial[0])
        began = time.perf_counter()
        yield
        if self.trial:
            self.tried.append((time.perf_counter() - began, self.trial.pop(0)))
            torch.set_num_threads(min(self.tried)[1])
