"""Several devices: ``torchrun --nproc-per-node N -m course_lib.cli train ...`` starts N processes.

Each process (a rank) runs fit() and steps on its share of every batch; gradients are averaged
before an optimiser steps, so that weights stay equal. DistributedDataParallel averages in
backward(), once for each forward; a GAN judges three times between two updates, but an optimiser
about to step has all its gradients. Batch norm normalises each rank's own share. Rank 0 decides,
draws and writes.
"""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from course_lib.errors import CourseError, ensure


def world() -> tuple[int, int]:
    """(rank, number of ranks) of this process; (0, 1) where it is alone."""
    joined = dist.is_available() and dist.is_initialized()
    return (dist.get_rank(), dist.get_world_size()) if joined else (0, 1)


def join(device: torch.device) -> torch.device:
    """Meet the processes that torchrun has started, if it has. Returns this one's device."""
    if dist.is_available() and dist.is_torchelastic_launched() and not dist.is_initialized():
        if device.type != "cpu":
            wanted, there = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
            ensure(
                wanted <= there,
                f"torchrun started {wanted} processes, and there are {there} GPUs",
                "--nproc-per-node",
                "start fewer, or add --device cpu",
            )
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        dist.init_process_group()  # gloo for the CPU and for words, NCCL among GPUs
        atexit.register(dist.destroy_process_group)
    return device


@contextmanager
def averaging(method: Any) -> Iterator[None]:
    """While open, optimisers of ``method`` step on mean gradients, and a lost rank is told."""
    for optimizer in method.optimizers.values() if world()[1] > 1 else []:
        optimizer.register_step_pre_hook(
            lambda o, *_: average(
                [p.grad for p in o.param_groups[0]["params"] if p.grad is not None]
            )
        )
    try:
        yield
    except RuntimeError as error:
        if world()[1] == 1 or not ("gloo" in str(error) or isinstance(error, dist.DistError)):
            raise
        raise CourseError(
            "another process of this training has ended",
            "torchrun",
            "look for its own message, then go on with --resume",
        ) from error


@torch.no_grad()
def average(tensors: list[Tensor]) -> None:
    """Replace each of the tensors, of one device, by its mean over the ranks."""
    flat = torch.cat([tensor.flatten() for tensor in tensors]) / world()[1]
    dist.all_reduce(flat)
    for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(mean.view(tensor.shape))


def of_all_ranks(value: Any) -> list:
    """``value`` as each rank has it, in the order of the ranks, on all of them."""
    values = [value] * world()[1]
    if len(values) > 1:
        dist.all_gather_object(values, value)
    return values
