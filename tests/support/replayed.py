"""A CUDA graph without a GPU: Python does the step again at each replay.

What it can show: whether batch, rates, draws and counts reach a captured step anew each time, and
whether a capture leaves no trace. What it cannot: memory that is used twice, and what CUDA refuses
to capture (tests/methods/test_fake_gpu.py looks for that: copies from the CPU, and questions).
"""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from course_lib.methods.base import Method
from course_lib.networks import hardware
from course_lib.training import checkpoint, graphs


def replayed(method: Method) -> type:
    """In place of graphs.Graph, for this method."""

    class Graph:
        count = 0  # replays of all

        def __init__(self, device: Any):
            self.work = None

        def warm(self, work: Callable) -> Any:
            return work()

        def capture(self, work: Callable) -> dict[str, Tensor]:
            """The work leaves nothing but its result, as at a capture nothing is done."""
            before = {name: t.clone() for name, t in checkpoint.snapshot(method).items()}
            fresh = hardware.capturing[0]
            hardware.capturing[0] = SimpleNamespace(place=lambda *of: fresh.place(*of).zero_())
            try:
                self.result = work()
            finally:
                checkpoint.restore(method, before, Path())
            self.work, self.places = work, [place for _, place in fresh.made]
            return self.result

        def replay(self) -> None:
            Graph.count += 1
            places = iter(self.places)
            hardware.capturing.append(SimpleNamespace(place=lambda *_: next(places)))
            try:
                for name, term in self.work().items():
                    self.result[name].copy_(term)
            finally:
                hardware.capturing.clear()

    return Graph


def launched(method: Method, patch: Any) -> tuple[graphs.Launches, type]:
    """The method's step by one launch, and the class that counts its replays."""
    patch.setattr(graphs, "Graph", kind := replayed(method))
    return graphs.Launches(method), kind


def different(a: Method, b: Method) -> list[str]:
    """The tensors that are not equal to the bit; of averages, which round, to a millionth."""
    ours, theirs = checkpoint.snapshot(a), checkpoint.snapshot(b)
    assert ours.keys() == theirs.keys()
    near = {name: 1e-6 * ("_average." in name) for name in ours}
    return [
        name
        for name, t in ours.items()
        if not torch.allclose(t.double(), theirs[name].double(), rtol=near[name], atol=near[name])
    ]
