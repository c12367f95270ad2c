"""A GPU that is not there: its tensors have shapes and a device and hold nothing.

They are PyTorch's FakeTensors. What is done on the CPU is done; what is done on "cuda" is only
thought through, so a tensor on the wrong device shows. To wait for the GPU is to ask it for a
number or a shape that depends on numbers, or to copy without ``non_blocking``. While it is ``busy``
that is an error; else it answers with ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_leaves, tree_map

from course_lib.networks import frozen

aten = torch.ops.aten
UNKNOWN = (fake_tensor.DataDependentOutputException, fake_tensor.DynamicOutputShapeException)
COPIES = (aten._to_copy.default, aten.copy_.default)
# of weights that nobody will see: they take half of the time
INITS = (aten.normal_.default, aten.uniform_.default)


class Waits(Exception):
    """A busy GPU was asked for something, and this waits for all its work."""


class FakeGPU(FakeTensorMode):
    def __init__(self):
        super().__init__(allow_non_fake_inputs=True)
        self.busy = False
        self.waits: list[str] = []  # the operations that waited
        self.copied: list[Queue] = []  # for each copy from the CPU the stream that made it
        self.kept: list[Queue] = []  # for each such tensor the stream that it is kept for

    @contextmanager
    def working(self) -> Iterator[None]:
        """Here nothing may wait."""
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        to = torch.device(kwargs.get("device") or "cpu").type
        if to == "cpu" and not any(isinstance(t, FakeTensor) for t in tensors):
            return args[0] if func in INITS and args[0].numel() > 1000 else func(*args, **kwargs)
        if func in COPIES:
            of = tensors[-1].device.type
            if func is aten.copy_.default:
                to = tensors[0].device.type
            elif not kwargs.get("device"):
                to = of
            if of == "cuda" and to == "cpu":
                return self.wait(func, args, kwargs)
            if of == "cpu" and to == "cuda":
                self.copied.append(Queue.current)
            if of != to and not (kwargs.get("non_blocking") or True in args[2:]):
                self.note(func)
        try:
            return super().__torch_dispatch__(func, types, args, kwargs)
        except UNKNOWN:
            found = self.wait(func, args, kwargs)
        copy, cuda = super().__torch_dispatch__, {"device": torch.device("cuda")}

        def sent(value: Any) -> Any:
            known = not isinstance(value, Tensor)
            return value if known else copy(aten._to_copy.default, (), (value,), cuda)

        return tree_map(sent, found)

    def note(self, func: Any) -> None:
        if self.busy:
            raise Waits(str(func))
        self.waits.append(str(func))

    def wait(self, func: Any, args: tuple, kwargs: dict) -> Any:
        """What ``func`` makes on the CPU of ones."""
        self.note(func)

        def ones(t):
            return torch.ones(t.shape, dtype=t.dtype) if isinstance(t, FakeTensor) else t

        return func(*tree_map(ones, args), **tree_map(ones, kwargs))


def _backward(loss: Tensor, *_: Any, **__: Any) -> None:
    assert loss.requires_grad and loss.shape == () and loss.device.type == "cuda"


def _apply(net: nn.Module, *arguments: Any, true: Any = nn.Module._apply) -> nn.Module:
    """A network that is there stays as it is: torch cannot replace its weights a second time."""
    there = any(isinstance(p, FakeTensor) for p in net.parameters())
    return net if there else true(net, *arguments)


class Queue:
    """A stream of a GPU that is not there: remembers which others it has waited for."""

    current: "Queue"

    def __init__(self, *_: Any):
        self.waited_for: list[Queue] = []

    def wait_stream(self, other: "Queue") -> None:
        self.waited_for.append(other)

    @staticmethod
    @contextmanager
    def of(queue: "Queue | None") -> Iterator[None]:
        before, Queue.current = Queue.current, queue or Queue.current
        yield
        Queue.current = before


class Event:
    """A mark in the queue that the GPU passes at once; any two are half a second apart."""

    def __init__(self, enable_timing: bool):
        self.record, self.query = (lambda: None), (lambda: enable_timing)

    def elapsed_time(self, end: "Event") -> float:
        return 500.0


@contextmanager
def fake_gpu() -> Iterator[FakeGPU]:
    """In here "cuda" is a fake GPU. Gradients and updates, which are torch's own, are left out."""
    state, tf32 = torch.zeros(16, dtype=torch.uint8), torch.backends.cuda.matmul.allow_tf32
    caches = (frozen.load_features, frozen.load_reader)  # what they keep is sent to the fake
    for load in caches:
        load.cache_clear()
    with pytest.MonkeyPatch.context() as patch, FakeGPU() as gpu:
        patch.setattr(torch.Tensor, "backward", _backward)
        patch.setattr(nn.Module, "_apply", _apply)
        patch.setattr(torch.autograd, "grad", lambda of, to, **_: (torch.zeros_like(to),))
        patch.setattr(torch.optim.Adam, "step", lambda self: None)
        patch.setattr(torch.random, "fork_rng", lambda **_: nullcontext())
        patch.setattr(torch.cuda, "get_rng_state", lambda device: state)
        patch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
        patch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
        Queue.current = Queue()
        for name, of in {
            "Stream": Queue,
            "Event": Event,
            "stream": Queue.of,
            "current_stream": lambda _: Queue.current,
        }.items():
            patch.setattr(torch.cuda, name, of)
        patch.setattr(torch.Tensor, "record_stream", lambda self, queue: gpu.kept.append(queue))
        try:
            yield gpu
        finally:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            for load in caches:
                load.cache_clear()
