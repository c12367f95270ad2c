"""What test_devices.py starts twice: one update of every method, with gradients averaged over two ranks.

python ranks.py FOLDER RANK    writes FOLDER/RANK.pt, {method: gradients}; FOLDER is where the two meet
"""

import sys
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from course_lib import runs
from course_lib.training.devices import Ranks

# Nothing that mixes images or draws more than z; and so small a step that G meets the same D before and after it.
ALONE = {
    "norm": "instance",
    "dropout": 0.0,
    "pool_size": 0,
    "batch_size": 1,
    "average": 0.0,
    "lr": 1e-9,
}


def make(name: str):
    """The method at its smallest, the same each time, without batch norm."""
    cls = runs.method_class(name)
    known = {field.name for field in fields(cls.Config)}
    torch.manual_seed(5)
    method = cls(
        runs.make_config(name, "smoke", 32, [f"{k}={v}" for k, v in ALONE.items() if k in known])
    )
    if hasattr(method, "advance"):
        method.advance(1.0)  # to the last phase, in which all networks learn
    for net in method.networks.values():
        for parent in list(net.modules()):
            for child, layer in parent.named_children():
                if isinstance(layer, nn.BatchNorm2d):
                    setattr(parent, child, nn.InstanceNorm2d(layer.num_features))
    return method


def trained(method) -> list[nn.Parameter]:
    """What an optimiser moves and a network still uses."""
    used = {p for net in method.networks.values() for p in net.parameters()}
    groups = (group for optimizer in method.optimizers.values() for group in optimizer.param_groups)
    return [p for group in groups for p in group["params"] if p in used]


@contextmanager
def given(rank: int, count: int):
    """Noise whose n-th draw is the same for all ranks together as for one: each gets its rows of the larger batch."""
    names, drawn = ("rand", "randn", "rand_like", "randn_like"), 0
    true = {name: getattr(torch, name) for name in names}

    def draw(name):
        def drawn_rows(*size, **options):
            nonlocal drawn
            drawn += 1
            shape = size[0] if not isinstance(size[0], int) else size
            shape = tuple(getattr(shape, "shape", shape))
            own = torch.Generator().manual_seed(drawn)
            return true[name.removesuffix("_like")](
                shape[0] * count, *shape[1:], generator=own
            ).chunk(count)[rank]

        return drawn_rows

    for name in names:
        setattr(torch, name, draw(name))
    try:
        yield
    finally:
        for name, function in true.items():
            setattr(torch, name, function)


def gradients(name: str, ranks: Ranks | None = None) -> list[torch.Tensor]:
    """Of every parameter, as its optimiser finds them: of two images, or on each of two ranks of one of them."""
    method, found = make(name), {}

    def keep(optimizer, *_):
        for group in optimizer.param_groups:
            found.update({p: p.grad.clone() for p in group["params"] if p.grad is not None})

    for optimizer in method.optimizers.values():
        if ranks:
            optimizer.register_step_pre_hook(ranks.average)
        optimizer.register_step_pre_hook(keep)
    generator = torch.Generator().manual_seed(6)
    batch = {key: torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1 for key in ("x", "y")}
    batch |= {
        key: torch.randint(3, (2, 32, 32), generator=generator).byte()
        for key in ("labels", "instances")
    }
    rank, count = (ranks.rank, ranks.count) if ranks else (0, 1)
    with given(rank, count):
        method.step({key: rows.chunk(count)[rank] for key, rows in batch.items()})
    return [found.get(p, torch.zeros(())) for p in trained(method)]


if __name__ == "__main__":
    folder, rank = Path(sys.argv[1]), int(sys.argv[2])
    dist.init_process_group(
        "gloo", init_method=f"file://{folder / 'meet'}", rank=rank, world_size=2
    )
    ranks = Ranks(rank, 2, torch.device("cpu"))
    torch.save({name: gradients(name, ranks) for name in runs.METHODS}, folder / f"{rank}.pt")
