"""What depends on the device, and how networks lie in memory."""

import torch

from course_lib.networks import hardware

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_channels_come_first_or_last_as_is_faster():
    last, first = torch.channels_last, torch.contiguous_format
    assert hardware.layout(CPU, "batch", 16) is last and hardware.layout(CPU, "batch", 1) is first
    assert hardware.layout(GPU, "batch", 1) is last
    assert hardware.layout(CPU, "instance", 16) is hardware.layout(GPU, "instance", 16) is first


def test_a_cpu_is_left_as_it_is():
    before = torch.backends.cuda.matmul.allow_tf32
    hardware.prepare(CPU)
    assert torch.backends.cuda.matmul.allow_tf32 is before
    batch = {"x": torch.rand(2, 3, 4, 4), "name": ["a", "b"]}
    (there,) = hardware.prefetch([batch], CPU)
    assert there["x"] is batch["x"] and there["name"] is batch["name"]
