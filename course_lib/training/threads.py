"""One thread or all: whichever trains faster on this CPU just now.

PyTorch splits each layer among as many threads as there are cores, and the fastest waits for the
slowest. Where other programs want the cores, as on a shared server, one thread alone can be ten
times as fast.
"""

import os
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from statistics import mean, median

import torch

ENOUGH = 3.0  # seconds that a number of threads is tried for, unless three steps are over before
PAUSE = 60.0  # seconds from a trial to the next, which thus takes a twentieth of the time at most
BUSY = 0.6  # of the time of as many cores: threads that get less wait for other programs


class Threads:
    """The number of threads of a training's steps; afterwards torch has as many as before.

    Unless ``may_choose``, and where OMP_NUM_THREADS is set, it stays as it is: with another number
    of threads torch rounds differently, and some trainings must repeat to the bit.
    """

    def __init__(self, device: torch.device, may_choose: bool = True):
        self.now = self.all = torch.get_num_threads() if device.type == "cpu" else 1
        self.share = 1.0  # of the time of so many cores, what the threads got: a running mean
        is_free = may_choose and self.all > 1 and "OMP_NUM_THREADS" not in os.environ
        self.choices = choices(self.all) if is_free else None
        if self.choices:
            self.now = next(self.choices)

    def __enter__(self) -> "Threads":
        if self.choices:
            torch.set_num_threads(self.now)
        return self

    def __exit__(self, *_: object) -> None:
        if self.choices:
            torch.set_num_threads(self.all)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around a step: it gets the threads chosen, and its time decides on those of the next."""
        began, work = time.perf_counter(), time.process_time()
        yield
        seconds = time.perf_counter() - began
        share = (time.process_time() - work) / max(seconds, 1e-9) / self.now
        self.share += 0.1 * (share - self.share)
        if self.choices:
            self.now = self.choices.send((seconds, share))
            torch.set_num_threads(self.now)  # of the previews, too

    def __str__(self) -> str:
        """What a learner should know of them; empty while all of them work."""
        if self.now < self.all:
            return f"{self.now} of {self.all} threads"
        if not self.choices and self.all > 1 and self.share < BUSY:
            return f"{self.all} threads wait for busy cores: try OMP_NUM_THREADS=1"
        return ""


def choices(count: int) -> Generator[int, tuple[float, float], None]:
    """The threads of each step, 1 or ``count``; takes the step's seconds and share of the cores.

    Both are tried at the start, every PAUSE, and when steps take twice as long as in the trial; but
    only one thread if not even that gets a core.
    """
    while True:
        began, usual = time.monotonic(), {}
        for threads in (1, count):
            steps = [(yield threads)]
            while len(steps) < 3 and sum(seconds for seconds, _ in steps) < ENOUGH:
                steps.append((yield threads))
            # the first prepares for this number of threads
            usual[threads] = mean(seconds for seconds, _ in steps[1:] or steps)
            if mean(share for _, share in steps) < BUSY:
                break
        best, last = min(usual, key=usual.get), deque([0.0] * 9, maxlen=9)
        ended = time.monotonic()
        pause = max(PAUSE, 20 * (ended - began))
        while time.monotonic() < ended + pause and median(last) <= 2 * usual[best]:
            last.append((yield best)[0])
