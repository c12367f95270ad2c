"""Training of small networks that are frozen afterwards, for tools/making/frozen.py.

The networks, and what loads the weights that come with the course, are in
:mod:`course_lib.networks.frozen`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.networks.blocks import Net
from course_lib.networks.frozen import CLASSES, Segmenter, seeded


def train(
    net: Net,
    loss_of: Callable,
    sets: list[tuple[Tensor, ...]],
    steps: int,
    seed: int,
    by_size: bool = False,
    batch_size: int = 32,
    device: torch.device | str = "cpu",
) -> Net:
    """``net``, trained to make ``loss_of(net, generator, *batch)`` small, and then frozen.

    Every batch is from one of the ``sets``, which have one size each. All are drawn equally often
    or, with ``by_size``, by their share of the rows. The rate rises over the first tenth of the
    steps and falls to 0.
    """
    net = net.to(device).to(memory_format=torch.channels_last)  # several times as fast on a CPU
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 4e-3, total_steps=max(steps, 20), pct_start=0.1
    )
    generator = torch.Generator().manual_seed(seed)
    shares = torch.tensor([float(len(rows)) for rows, *_ in sets])
    for _ in range(steps):
        if by_size:
            chosen = torch.multinomial(shares, 1, generator=generator)
        else:
            chosen = torch.randint(len(sets), (), generator=generator)
        tensors = sets[int(chosen)]
        rows = torch.randint(len(tensors[0]), (batch_size,), generator=generator)
        optimizer.zero_grad()
        loss_of(net, generator, *(tensor[rows].to(device) for tensor in tensors)).backward()
        optimizer.step()
        schedule.step()
    return net.eval().requires_grad_(False)


def train_segmenter(
    photos: Tensor | list[Tensor],
    labels: Tensor | list[Tensor],
    *,
    steps: int,
    seed: int = 0,
    batch_size: int = 32,
    classes: int = CLASSES,
    device: torch.device | str = "cpu",
) -> Segmenter:
    """A segmenter trained with cross-entropy, ready to use.

    ``photos`` are (n, 3, H, W) in [-1, 1] and ``labels`` (n, H, W) of type uint8. Lists hold such
    sets at several sizes; every batch is from one of them, drawn by its share of the photographs.
    Half of the batches are mirrored. The same ``seed`` gives the same network.
    """
    photos = [photos] if isinstance(photos, Tensor) else photos
    labels = [labels] if isinstance(labels, Tensor) else labels
    sets = list(zip(photos, labels, strict=True))
    net = seeded(lambda: Segmenter(classes), seed)
    return train(net, _segmenter_loss, sets, steps, seed, True, batch_size, device)


def _segmenter_loss(
    net: Segmenter, generator: torch.Generator, photos: Tensor, labels: Tensor
) -> Tensor:
    """The cross-entropy of the label of each pixel."""
    x, target = photos, labels.long()
    if torch.rand((), generator=generator) < 0.5:
        x, target = x.flip(-1), target.flip(-1)
    return F.cross_entropy(net(x.contiguous(memory_format=torch.channels_last)), target)
