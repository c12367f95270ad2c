"""A step is compared with the textbook's, in turn, and both learn the same."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from course_lib import runs
from course_lib.experiments import bench


def test_bench_ratios_are_of_pairs():
    """Whatever slows both of a pair down does not show."""
    assert [
        bench.ratios([2.0, 20.0, 4.0], [1.0, 10.0, 2.0]),
        bench.ratios([1.0, 1.0, 1.0], [1.0, 0.5, 0.25]),
    ] == [
        {"ratio": 2.0, "low": 2.0, "high": 2.0},
        {"ratio": 2.0, "low": 1.0, "high": 4.0},
    ]
    order = []
    bench.alternate({name: lambda n=name: order.append(n) for name in "ab"}, repeats=2, warm=1)
    assert order == list("abbaab")  # backwards in every second round


@pytest.mark.parametrize("method", ["pix2pix", "cyclegan", "bicyclegan"])
def test_with_d_frozen_the_textbook_step_computes_less_and_learns_the_same_to_the_bit(method):
    own = {"cyclegan": ["pool_size=3"], "bicyclegan": ["norm=instance", "conditional=False"]}
    config, ended, flops = runs.make_config(method, "smoke", 32, own.get(method, [])), [], []
    for kind in bench.KINDS[:2]:
        torch.manual_seed(0)
        model, step = bench.stepper(kind, config, runs.method_class(method), torch.device("cpu"))
        with FlopCounterMode(display=False) as counter:
            for _ in range(2):
                step(bench.random_batch(config, model.device))
        flops.append(counter.get_total_flops())
        ended.append([p for net in model.networks.values() for p in net.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*ended, strict=True)) and flops[1] < flops[0]
