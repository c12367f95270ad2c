"""How different two images look: the distance between what a network makes of them, layer by layer.

    python -m course_lib.metrics.perceptual       trains the course's own network again

LPIPS (Zhang et al. 2018) asks an AlexNet trained on photographs. It is used where torch has its weights already: the
course downloads nothing. The network that comes with the course has 100,216 parameters and has seen façades only. Its
distance is called "features", never LPIPS: the two may be compared in order, not in digits.

Images are batches (n, 3, h, w) in [-1, 1], with sides of at least 16. ValueError for shapes that do not fit.
"""

import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.errors import CourseError

FILES = Path(__file__).parents[1] / "networks" / "frozen_files"
ALEXNET = "alexnet-owt-7be5be79.pth"  # torchvision's file
CLASSES, WALLS = 12, 8  # labels of façades, colours of walls
LOW, HIGH = (-1.0, -1.0, 0.0, 0.0, 0.0), (1.0, 1.0, 0.6, 1.0, 1.0)  # of shade, light, time, glass, weathering by day
SEED, STEPS, SETS = 0, 1600, {32: 3000, 64: 3000}  # of the shipped weights; photographs at each size
HELD_OUT = 200  # photographs of test that measure them
PIXELS = 2**16  # that go through a network at a time


class FeatureNet(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] -> features of four layers, at H/2, H/4, H/8 and H/8: 32, 64, 64, 64 channels."""

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Sequential(*_conv(3, 24), *_conv(24, 32, stride=2)),
                nn.Sequential(*_conv(32, 64), nn.MaxPool2d(2)),
                nn.Sequential(*_conv(64, 64), nn.MaxPool2d(2)),
                nn.Sequential(*_conv(64, 64)),
            ]
        )

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        h, layers = images, []
        for stage in self.stages:
            layers.append(h := stage(h))
        return layers

    def pooled(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 448"]:
        """Mean and standard deviation of each channel over the image, the last layer last."""
        return torch.cat([s for h in self(images) for s in (h.mean((2, 3)), h.flatten(2).std(2, correction=0))], dim=1)


def _conv(a: int, b: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]


# ---- the distance


class Distance(NamedTuple):
    by: str  # "lpips" or "features": who says so
    values: Tensor  # (n,), at least 0, and 0 for equal images


def available() -> tuple[str, ...]:
    """("lpips", "features") where torch's cache holds the AlexNet weights, else ("features",): the best first."""
    there = (Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET).is_file()
    return ("lpips", "features") if there else ("features",)


def distance(a: Float[Tensor, "n 3 h w"], b: Float[Tensor, "n 3 h w"], by: str | None = None) -> Distance:
    """Perceptual distance of each a from its b: by LPIPS where it is :func:`available`, else by the course's features.

    Features of a layer are divided by their length over the channels; the squared difference is summed over the
    channels and averaged over the image (LPIPS weights the channels). LPIPS sums its five layers, "features" averages
    its four. Raises CourseError for LPIPS without weights, or under 32 px.
    """
    if a.shape != b.shape or not len(a):
        raise ValueError(f"images {tuple(a.shape)} and {tuple(b.shape)} are not pairs")
    by = _chosen(by)
    chunks = zip(a.split(_chunk(a)), b.split(_chunk(b)), strict=True)
    values = [_lpips(*p) if by == "lpips" else (embed(p[0]) - embed(p[1])).square().sum(1) for p in chunks]
    return _exact(by, a, b, torch.cat(values))


def steps(row: Float[Tensor, "n 3 h w"], by: str | None = None) -> Distance:
    """The same of each image but the first from the one before it, (n - 1,); features see each image once."""
    if (by := _chosen(by)) == "lpips":
        return distance(row[1:], row[:-1], by)
    return _exact(by, row[1:], row[:-1], embed(row).diff(dim=0).square().sum(1))


def _chosen(by: str | None) -> str:
    if by and by not in available():
        raise CourseError(f"no perceptual distance {by!r} here", "by", f"choose from {', '.join(available())}")
    return by or available()[0]


def _exact(by: str, a: Tensor, b: Tensor, values: Tensor) -> Distance:
    # one arithmetic for a and b does not mean one rounding: equal images are 0 apart by definition
    return Distance(by, torch.where((a == b).flatten(1).all(1), 0.0, values))


@torch.no_grad()
def _lpips(a: Tensor, b: Tensor) -> Float[Tensor, " n"]:
    if min(a.shape[-2:]) < 32:
        raise CourseError(f"LPIPS needs images of 32 px, got {tuple(a.shape[-2:])}", "by", 'choose by="features"')
    return _alexnet().to(a.device)(a.clamp(-1, 1), b.clamp(-1, 1)).flatten()


@functools.cache
def _alexnet() -> nn.Module:
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    with torch.random.fork_rng():
        return LearnedPerceptualImagePatchSimilarity(net_type="alex").net


@torch.no_grad()
def embed(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n d"]:
    """Vectors whose squared Euclidean distances are the distances by "features"."""
    net, parts = load_features().to(images.device), []
    for chunk in images.split(_chunk(images)):
        layers = [F.normalize(h, dim=1) / (len(net.stages) * h.shape[2] * h.shape[3]) ** 0.5 for h in net(chunk)]
        parts.append(torch.cat([h.flatten(1) for h in layers], dim=1))
    return torch.cat(parts)


@torch.no_grad()
def describe(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 448"]:
    """What the course's network says of each image as a whole, see :meth:`FeatureNet.pooled`."""
    net = load_features().to(images.device)
    return torch.cat([net.pooled(chunk) for chunk in images.split(_chunk(images))])


def _chunk(images: Tensor) -> int:
    return max(1, PIXELS // (images.shape[-2] * images.shape[-1]))


@functools.cache
def load_features() -> FeatureNet:
    """The shipped network, in evaluation mode; ``frozen_files/features.json`` tells its origin."""
    return load_into(FeatureNet, "features")


# ---- training: what the factors' reader needs, too


def photographs(
    split: str, size: int, houses: Iterable[int], key: str, walls: int = 0
) -> tuple[Float[Tensor, "n 3 size size"], Tensor, Float[Tensor, "n 7"]]:
    """(photos in [-1, 1], labels (n, size, size) uint8, styles) of ``houses``, in fresh styles drawn by ``key``.

    With ``walls`` each house is photographed so often, in the first so many colours of wall; n is houses x walls.
    """
    from course_lib.data.facade_layout import Draw
    from course_lib.data.facade_render import Style
    from course_lib.data.facades import Facades

    data, photos, labels, styles = Facades(split, size), [], [], []
    for house in houses:
        for wall in range(max(walls, 1)):
            draw = Draw(key, split, size, house, wall)
            style = Style.draw(draw, **({"wall": wall} if walls else {}))
            photo, label, _ = data.photograph(house, style, int(draw.random() * 2**31))
            photos.append(photo), labels.append(label), styles.append(style.vector())
    return torch.stack(photos).float() / 127.5 - 1, torch.stack(labels), torch.tensor(styles)


def style_loss(said: Float[Tensor, "n 14"], styles: Float[Tensor, "n 7"]) -> Float[Tensor, " n"]:
    """Cross-entropy of the wall's colour and of brick, squared error of the other five factors scaled to [-1, 1]."""
    wall, rest = F.cross_entropy(said[:, :WALLS], styles[:, 0].long(), reduction="none"), styles[:, [1, 3, 4, 5, 6]]
    brick = F.binary_cross_entropy_with_logits(said[:, WALLS], styles[:, 2], reduction="none")
    low, high = rest.new_tensor(LOW), rest.new_tensor(HIGH)
    return wall + brick + (said[:, WALLS + 1 :] - (2 * (rest - low) / (high - low) - 1)).square().sum(1)


def fit(net: nn.Module, loss: Callable, sets: list[tuple], steps: int, seed: int, batch_size: int = 32) -> nn.Module:
    """``net`` trained on batches of one of the ``sets`` of tensors at a time: ``loss(net, generator, *batch)``."""
    net = net.to(memory_format=torch.channels_last)  # several times as fast on a CPU
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=max(steps, 20), pct_start=0.1)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        tensors = sets[int(torch.randint(len(sets), (), generator=generator))]
        rows = torch.randint(len(tensors[0]), (batch_size,), generator=generator)
        optimizer.zero_grad()
        loss(net, generator, *(t[rows] for t in tensors)).backward()
        optimizer.step()
        schedule.step()
    return net.eval().requires_grad_(False)


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A new network of its own seed; torch's random state stays as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def load_into(make: Callable[[], nn.Module], name: str) -> nn.Module:
    net = seeded(make)
    net.load_state_dict(safetensors.torch.load_file(FILES / f"{name}.safetensors"))  # float16 -> float32
    return net.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def ship(net: nn.Module, folder: Path, name: str, origin: dict, measure: Callable[[nn.Module], dict]) -> dict:
    """Write name.safetensors (float16) and name.json: its origin, with what ``measure`` finds of the rounded network.

    ``origin`` holds ``began``, a pair of wall-clock and CPU seconds, in whose place the seconds spent stand.
    """
    wall, cpu = origin.pop("began")
    origin |= {"parameters": sum(p.numel() for p in net.parameters())}
    origin |= {"seconds": round(time.time() - wall, 1), "cpu_seconds": round(time.process_time() - cpu, 1)}
    halves = {k: t.half().contiguous() if t.is_floating_point() else t for k, t in net.state_dict().items()}
    blob = safetensors.torch.save(halves)
    net.load_state_dict(halves)
    origin |= {"device": "CPU, 1 thread" if torch.get_num_threads() == 1 else "CPU", "torch": torch.__version__}
    origin |= {"sha256": hashlib.sha256(blob).hexdigest(), "measured": measure(net)}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.safetensors").write_bytes(blob)
    (folder / f"{name}.json").write_text(json.dumps(origin, indent=1) + "\n", encoding="utf-8")
    return origin


def recoloured(photos: Tensor, generator: torch.Generator) -> Tensor:
    """Each image with its channels swapped, inverted or not, and weakened at random: colours that no façade has."""
    n = len(photos)
    order = torch.rand(n, 3, generator=generator).argsort(1)[:, :, None, None].expand_as(photos)
    sign = torch.where(torch.rand(n, 1, 1, 1, generator=generator) < 0.3, -1.0, 1.0)
    gain = 0.4 + 0.6 * torch.rand(n, 3, 1, 1, generator=generator)
    shift = (1 - gain) * (2 * torch.rand(n, 3, 1, 1, generator=generator) - 1)
    return sign * photos.gather(1, order) * gain + shift


def _cells(photos: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Of each cell of 8x8 pixels the shares of labels, (n, 12, ...), and mean and spread of colours, (n, 6, ...)."""
    shares = F.avg_pool2d(F.one_hot(labels.long(), CLASSES).movedim(-1, 1).float(), 8)
    mean = F.avg_pool2d(photos, 8)
    spread = (F.avg_pool2d(photos.square(), 8) - mean.square()).clamp(min=0).sqrt()
    return shares, torch.cat([mean, spread], dim=1)


def _lesson(learner: nn.ModuleDict, generator: torch.Generator, photos: Tensor, labels: Tensor, styles: Tensor):
    """What the network learns: the labels and colours of each cell, in any colours; the style in those of façades."""
    half = len(photos) // 2
    x = torch.cat([recoloured(photos[:half], generator), photos[half:]])
    x = x + 0.1 * torch.rand(len(x), 1, 1, 1, generator=generator) * torch.randn(x.shape, generator=generator)
    shares, colours = _cells(x, labels)
    last = learner["net"](x)[-1]
    said = learner["cells"](last)
    style = style_loss(learner["style"](last[half:].mean((2, 3))), styles[half:]).mean()
    return F.cross_entropy(said[:, :CLASSES], shares) + 4 * F.mse_loss(said[:, CLASSES:], colours) + 0.3 * style


def build(folder: Path = FILES) -> dict:
    """Train the shipped network and write features.safetensors and features.json into ``folder``."""
    began = (time.time(), time.process_time())
    heads = {"cells": lambda: nn.Conv2d(64, CLASSES + 6, 1), "style": lambda: nn.Linear(64, WALLS + 6)}
    learner = seeded(lambda: nn.ModuleDict({"net": FeatureNet()} | {k: make() for k, make in heads.items()}), SEED)
    fit(learner, _lesson, [photographs("train", s, range(n), "perceptual") for s, n in SETS.items()], STEPS, SEED)

    @torch.no_grad()
    def measure(net: nn.Module) -> dict:
        found = {}
        for size in SETS:
            photos, labels, styles = photographs("test", size, range(HELD_OUT), "perceptual test")
            last = net(photos)[-1]
            said, (shares, colours) = learner["cells"](last), _cells(photos, labels)
            wall = learner["style"](last.mean((2, 3)))[:, :WALLS].argmax(1)
            right = {"labels": said[:, :CLASSES].argmax(1) == shares.argmax(1), "walls": wall == styles[:, 0]}
            found[str(size)] = {name: round(hits.float().mean().item(), 4) for name, hits in right.items()}
            found[str(size)]["colours_l1"] = round((said[:, CLASSES:] - colours).abs().mean().item(), 4)
        return found

    origin = {
        "command": "python -m course_lib.metrics.perceptual",
        "what": "features of the course's own perceptual distance; not LPIPS. Trained to tell the labels and the "
        "colours of cells of 8x8 px, half of the photographs recoloured, and the style of the others",
        "data": f"Facades, split train, fresh styles; photographs by size in px: {SETS}",
        "measured_on": f"{HELD_OUT} photographs of test: share of cells with the right label, of houses with the right "
        "wall, mean error of the colours of cells",
        "seed": SEED,
        "steps": STEPS,
    }
    return ship(learner["net"], folder, "features", origin | {"began": began}, measure)


if __name__ == "__main__":
    print(json.dumps(build(), indent=1))
