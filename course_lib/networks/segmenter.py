"""A small network that labels façades, for the FCN-score, with weights that come with the course.

    python -m course_lib.networks.segmenter        trains them again, into course_lib/networks/frozen_files/

The paper's FCN-score asks an FCN-8s trained on real photographs whether it recognises what was painted. This is not
FCN-8s but a U-Net of 91,068 parameters; say "FCN-score with the course's own segmenter".
"""

import hashlib
import json
import time
from itertools import pairwise
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

FILES = Path(__file__).parent / "frozen_files"
CLASSES = 12  # of facade_layout.CLASSES
SEED, STEPS, SETS = 0, 700, {32: 1500, 64: 3000, 128: 600}  # of the shipped weights; photographs at each size
HELD_OUT = 200  # photographs of val and of test that measure them
CHUNK = 64  # photographs at a time


def _block(*channels: int) -> nn.Sequential:
    layers = []
    for a, b in pairwise(channels):
        layers += [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Segmenter(nn.Module):
    """Photographs (B, 3, H, W) in [-1, 1] -> logits (B, classes, H, W); sides that 8 does not divide are padded."""

    def __init__(self, classes: int = CLASSES, widths: tuple[int, ...] = (16, 16, 32, 48)):
        super().__init__()
        self.down = nn.ModuleList(_block(a, b, b) for a, b in pairwise((3, *widths)))
        self.up = nn.ModuleList(_block(a + b, a) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def features(self, photos: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b channels h8 w8"]:
        """What the encoder makes of (B, 3, H, W), H and W multiples of 8: (B, 48, H/8, W/8), before any label."""
        h = photos
        for i, block in enumerate(self.down):
            h = block(F.max_pool2d(h, 2) if i else h)
        return h

    def forward(self, photos: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes h w"]:
        height, width = photos.shape[-2:]
        step = 2 ** len(self.up)
        h, seen = F.pad(photos, (0, -width % step, 0, -height % step), mode="replicate"), []
        for block in self.down:
            h = block(F.max_pool2d(h, 2) if seen else h)
            seen.append(h)
        for block, skip in zip(reversed(self.up), reversed(seen[:-1]), strict=True):
            h = block(torch.cat([F.interpolate(h, scale_factor=2.0), skip], dim=1))  # half the side -> that of skip
        return self.head(h)[..., :height, :width]


def train_segmenter(
    photos: Tensor | list[Tensor],
    labels: Tensor | list[Tensor],
    *,
    steps: int,
    seed: int = 0,
    batch_size: int = 32,
    lr: float = 4e-3,
    classes: int = CLASSES,
    device: torch.device | str = "cpu",
) -> Segmenter:
    """A segmenter trained with cross-entropy, ready to use: photos (n, 3, H, W) in [-1, 1], labels (n, H, W) uint8.

    Lists hold such sets at several sizes; every batch is from one of them, drawn by its share of the photographs. Half
    of the batches are mirrored. The rate rises over the first tenth of the steps and falls to 0. The same ``seed``
    gives the same network. Raises ValueError for sets that do not fit.
    """
    sets = list(zip(*([p] if isinstance(p, Tensor) else p for p in (photos, labels)), strict=True))
    for images, truth in sets:
        if images.ndim != 4 or not len(images) or truth.shape != (len(images), *images.shape[2:]):
            raise ValueError(f"photos {tuple(images.shape)} and labels {tuple(truth.shape)} do not fit")
    device = torch.device(device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Segmenter(classes).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=max(steps, 2), pct_start=0.1)
    generator = torch.Generator().manual_seed(seed)
    shares = torch.tensor([float(len(images)) for images, _ in sets])
    for _ in range(steps):
        images, truth = sets[torch.multinomial(shares, 1, generator=generator).item()]
        rows = torch.randint(len(images), (batch_size,), generator=generator)
        x, target = images[rows].to(device), truth[rows].to(device).long()
        if torch.rand((), generator=generator) < 0.5:
            x, target = x.flip(-1), target.flip(-1)
        loss = F.cross_entropy(net(x.contiguous(memory_format=torch.channels_last)), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net.eval().requires_grad_(False)


@torch.no_grad()
def segment(net: Segmenter, photos: Float[Tensor, "n 3 h w"]) -> Int[Tensor, "n h w"]:
    """The likeliest class of each pixel; ``net`` in evaluation mode, as the functions here return it."""
    return torch.cat([net(chunk).argmax(1) for chunk in photos.split(CHUNK)])


def load_segmenter() -> Segmenter:
    """The shipped segmenter, in evaluation mode on the CPU; ``frozen_files/facades.json`` tells its origin."""
    with torch.random.fork_rng():  # the numbers it starts with are drawn for nothing
        net = Segmenter()
    net.load_state_dict(safetensors.torch.load_file(FILES / "facades.safetensors"))  # float16 -> float32
    return net.eval().requires_grad_(False)


def rendered(split: str, size: int, count: int, key: str | None = None) -> tuple[Tensor, Tensor]:
    """(photos (count, 3, size, size) in [-1, 1], labels (count, size, size) uint8) of the first façades of a split.

    In the styles of the data set ``facades``, or with a ``key`` in fresh random ones of the same distribution.
    """
    from course_lib.data.facade_layout import Draw
    from course_lib.data.facade_render import Style
    from course_lib.data.facades import Facades

    data, photos, labels = Facades(split, size), [], []
    for house in range(count):
        draw = Draw("style", split, house) if key is None else Draw(key, split, size, house)
        grain = None if key is None else int(draw.random() * 2**31)
        photo, label, _ = data.photograph(house, Style.draw(draw), grain)
        photos.append(photo), labels.append(label)
    return torch.stack(photos).float() / 127.5 - 1, torch.stack(labels)


def build(folder: Path = FILES) -> dict:
    """Train the shipped segmenter and write facades.safetensors (float16) and facades.json into ``folder``."""
    from course_lib.metrics.scores import confusion, segmentation_scores
    from course_lib.training.profiles import device_name, pick_device

    device, wall, cpu = pick_device("auto"), time.time(), time.process_time()
    photos, labels = zip(*(rendered("train", size, count, "segmenter") for size, count in SETS.items()), strict=True)
    net = train_segmenter(list(photos), list(labels), steps=STEPS, seed=SEED, device=device).cpu()
    seconds = {"seconds": round(time.time() - wall, 1), "cpu_seconds": round(time.process_time() - cpu, 1)}
    net = net.to(memory_format=torch.contiguous_format)  # the only one that safetensors stores
    halves = {name: t.half() if t.is_floating_point() else t for name, t in net.state_dict().items()}
    blob = safetensors.torch.save(halves)
    folder.mkdir(exist_ok=True)
    (folder / "facades.safetensors").write_bytes(blob)
    net.load_state_dict(halves)  # what is measured is what is shipped
    truth = {}
    for split in ("val", "test"):
        truth[split] = {}
        for size in SETS:
            seen, there = rendered(split, size, HELD_OUT)
            scores = segmentation_scores(confusion(segment(net, seen), there, CLASSES))
            truth[split][str(size)] = {name: round(value, 4) for name, value in scores.items()}
    origin = {
        "command": "python -m course_lib.networks.segmenter",
        "what": "segmenter of the course's own FCN-score; not FCN-8s",
        "data": f"Facades, split train, task facades, fresh styles; photographs by size in px: {SETS}",
        "seed": SEED,
        "steps": STEPS,
        "parameters": sum(p.numel() for p in net.parameters()),
        **seconds,
        "device": device_name(),
        "torch": torch.__version__,
        "sha256": hashlib.sha256(blob).hexdigest(),
        "chosen": "the network on val at 64 px, the steps to fit a few minutes; test was looked at once, afterwards",
        "ground_truth": {"photographs": f"the first {HELD_OUT} of each split, in the styles of facades", **truth},
    }
    (folder / "facades.json").write_text(json.dumps(origin, indent=1) + "\n", encoding="utf-8")
    return origin


if __name__ == "__main__":
    print(json.dumps(build(), indent=1))
