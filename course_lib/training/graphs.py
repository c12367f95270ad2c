"""A training step as one launch: a CUDA graph, captured once and replayed.

A reader may skip it. Where each of a step's thousand operations takes the GPU less time than Python
to launch it, the GPU waits; a graph launches all of them at once. It repeats the step's work at the
same places in memory, so that what changes from step to step must lie at such a place: the batch,
the learning rate, and what Python draws or counts, which asks :func:`hardware.fresh`. What Python
does besides, a print or a counter, happens at the capture alone.

It is off unless COURSE_CUDA_GRAPHS=1 is in the environment: no GPU has run it yet.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.networks import hardware

WARM = 3  # plain steps before a capture: cuDNN chooses its algorithms in them, Adam makes its state


class Graph:
    """Work of a CUDA device that was captured, to :meth:`replay`.

    Steps before it run in the stream of the capture, too: autograd remembers where a gradient was.
    Meanwhile other threads may go on pinning memory.
    """

    def __init__(self, device: torch.device):
        self.usual, self.stream = torch.cuda.current_stream(device), torch.cuda.Stream(device)
        self.graph = torch.cuda.CUDAGraph()
        self.replay = self.graph.replay

    def warm(self, work: Callable[[], Any]) -> Any:
        self.stream.wait_stream(self.usual)
        with torch.cuda.stream(self.stream):
            result = work()
        self.usual.wait_stream(self.stream)
        return result

    def capture(self, work: Callable[[], Any]) -> Any:
        with torch.cuda.graph(self.graph, None, self.stream, capture_error_mode="thread_local"):
            return work()


class Launches:
    """The ``step`` of a method as one launch, once WARM plain ones of the same kind are over.

    Another kind of step, such as one of the next phase or of another batch size, is captured again.
    What cannot be captured goes on operation by operation, which a warning says once.
    """

    def __init__(self, method: Any):
        self.method, self.step, self.kind, self.refused = method, method.step, None, False
        self.nets = nn.ModuleList(method.networks.values())
        self.groups = [g for o in method.optimizers.values() for g in o.param_groups]
        for group in self.groups:
            group["lr"] = torch.tensor(group["lr"], device=method.device)  # schedule() fills it

    def __call__(self, batch: dict) -> dict[str, Tensor]:
        """One update; the terms, detached."""
        inputs = {name: value for name, value in batch.items() if isinstance(value, Tensor)}
        sizes = tuple((name, value.shape, value.dtype) for name, value in inputs.items())
        kind = self.method.phase, sizes, tuple(p.requires_grad for p in self.nets.parameters())
        if kind != self.kind:
            self.kind, self.plain, self.fresh = kind, 0, None
            self.graph = Graph(self.method.device)
        if self.plain == WARM and self.fresh is None and not self.refused:
            self.capture(inputs)
        if self.fresh is None:
            self.plain += 1
            return self.graph.warm(partial(self.step, batch))
        for name, place in self.inputs.items():
            place.copy_(inputs[name])
        for make, place in self.fresh.made:
            place.copy_(make(), non_blocking=True)
        self.graph.replay()
        return dict(zip(self.terms, torch.stack([*self.terms.values()]), strict=True))

    def capture(self, inputs: dict[str, Tensor]) -> None:
        """Take the step down. Nothing is done yet: what Python drew and counted is put back."""
        counts = [(b, b.clone()) for b in self.nets.buffers() if b.device.type == "cpu"]
        self.inputs = {name: value.clone() for name, value in inputs.items()}
        fresh = hardware.Fresh()
        drawn = fresh.state
        try:
            hardware.capturing.append(fresh)
            for group in self.groups:
                group["capturable"] = True  # then alone: in plain steps torch warns of it
            self.terms = self.graph.capture(partial(self.step, self.inputs))
            fresh.check()
            self.fresh = fresh
        except Exception as error:  # whatever a method or a GPU cannot do
            self.refused = True
            for parameter, learns in zip(self.nets.parameters(), self.kind[-1], strict=True):
                parameter.requires_grad_(learns)
            warnings.warn(
                f"no CUDA graph of a step of {type(self.method).__name__}: {error}", stacklevel=2
            )
        finally:
            hardware.capturing.clear()
            torch.set_rng_state(drawn)
            for buffer, count in counts:
                buffer.copy_(count)
            for group in self.groups:
                group["capturable"] = False


@contextmanager
def launching(method: Any, is_alone: bool = True) -> Iterator[None]:
    """In here ``method.step`` is one launch, if that is asked for, on the only GPU."""
    if not is_alone or method.device.type != "cuda" or os.environ.get("COURSE_CUDA_GRAPHS") != "1":
        yield
        return
    launches = method.step = Launches(method)
    try:
        yield
    finally:
        method.step = launches.step
        for group in launches.groups:
            group["lr"] = float(group["lr"])  # a number again
