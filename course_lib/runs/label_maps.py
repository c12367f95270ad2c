"""Scenes painted by a method that takes label maps with instance ids."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.data import DATA_SETS, open_dataset
from course_lib.data.label_maps import find_scenes, scenes_of
from course_lib.methods.pix2pixhd import Pix2PixHD
from course_lib.runs.sizes import framer, make_targets, pictures, write_files


def translate_scenes(
    method: Pix2PixHD,
    source: Path,
    target: Path,
    samples: int,
    seed: int,
    scale: float | None,
    squared: bool,
    halved: bool,
) -> list[Path]:
    """PNG files below ``target`` for the scenes that ``find_scenes`` finds; their paths.

    ``source`` may also be the name of a data set with labels, such as ``facades``: its test part.
    ``samples`` above 1: so many styles of each, ``_1``, ``_2`` ...; equal numbers choose alike
    among the centres of the features. Sizes are as in ``translate_files``; maps are never mixed.
    ``halved``: of a map twice as wide as high, the left half.
    Raises CourseError before anything is written.
    """

    def paint(x: Float[Tensor, "1 c h w"]) -> Float[Tensor, "k 3 h w"]:
        labels, instances = x[:, 0].long(), x[:, 1].long()
        return method.sample(None, samples, seed, labels=labels, instances=instances)[0]

    frame, size = framer(method, paint, scale, squared), method.config.image_size
    if str(source) in DATA_SETS and not source.exists():
        found = scenes_of(open_dataset(str(source), "test", size), str(source))
    else:
        found = find_scenes(source, lambda given, where: frame(given).inner, halved)
    scenes = list(found)
    targets = make_targets(target, source, [name for name, *_ in scenes], samples, [source])
    inputs = (
        (name, given, lambda _, maps=maps: torch.stack(maps).float(), None)
        for name, given, *maps in scenes
    )
    return write_files(pictures(inputs, frame, paint), targets)
