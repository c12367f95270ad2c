"""What depends on the device, and how networks lie in memory."""

import torch
from torch import nn

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
    (there,) = hardware.sent([batch], CPU)
    assert there["x"] is batch["x"] and there["name"] is batch["name"]


def test_compiled_networks_learn_the_same():
    """All that learn are compiled, in place: their weights keep their names."""
    torch.manual_seed(0)
    nets = [nn.Linear(3, 2), nn.Linear(3, 2).requires_grad_(False)]
    x, names = torch.randn(5, 3), list(nets[0].state_dict())
    plain = nets[0](x)
    hardware.compile_all(nets, "eager")
    assert torch.equal(nets[0](x), plain) and list(nets[0].state_dict()) == names
    assert nets[0]._compiled_call_impl is not None and nets[1]._compiled_call_impl is None
