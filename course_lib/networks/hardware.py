"""What makes the same computation faster, on a GPU or a CPU.

A reader may skip it: results change by rounding alone.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def prepare(device: torch.device) -> None:
    """Let a GPU round the factors of float32 products to 10 bits (TF32).

    In convolutions torch lets it do so by default. NVIDIA_TF32_OVERRIDE=0 in the environment
    forbids both.
    """
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """In here torch draws the numbers of ``seed``; afterwards its random state is as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def layout(device: torch.device, norm: str, batch_size: int) -> torch.memory_format:
    """How networks lie in memory: the channels of a pixel side by side, or the pixels of a channel.

    The first is faster for batch norm, on a CPU with several images; instance norm would turn them
    around each time.
    """
    first = norm != "instance" and (batch_size > 1 or device.type == "cuda")
    return torch.channels_last if first else torch.contiguous_format


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """``tensor`` of the CPU on ``device``; a GPU goes on with its work meanwhile."""
    return tensor.to(device, non_blocking=device.type == "cuda")


def prefetch(batches: Iterable[dict], device: torch.device) -> Iterator[dict]:
    """``batches`` with their tensors on ``device``.

    From pinned memory a GPU fetches each batch while Python goes on.
    """
    for batch in batches:
        tensors = {name: value for name, value in batch.items() if isinstance(value, Tensor)}
        yield batch | {name: send(tensor, device) for name, tensor in tensors.items()}


class KeptOnCPU(nn.Module):
    """A module whose buffers named in ``asked`` stay on the CPU.

    To ask a GPU for a number is to wait for its work.
    """

    asked: tuple[str, ...] = ()

    def _apply(self, *args, **kwargs) -> nn.Module:
        kept = {name: self._buffers[name] for name in self.asked}
        super()._apply(*args, **kwargs)
        self._buffers.update(kept)
        return self
