"""Scenes: label maps with instance ids, from which pix2pixHD paints. Found in files.

A scene is a pair (labels, instances) of whole numbers, (h, w) each: classes of CMP Facades, and
ids, 0 for the background.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Integer
from PIL import Image
from torch import Tensor

from course_lib.data.base import TwoDomains
from course_lib.data.facades import label_map
from course_lib.data.images import (
    Size,
    ab_half,
    find_images,
    note_frames,
    note_left_out,
    read_image,
    stem_of,
)
from course_lib.errors import CourseError, ensure
from course_lib.houses.layout import CLASSES, PALETTE

FAR = 60 / 127.5  # from every colour of PALETTE, in [-1, 1]: no label
STRAY = 0.1  # share of such pixels above which an image is no label map


def regions(labels: Integer[Tensor, "h w"]) -> Integer[Tensor, "h w"]:
    """Instances where none are known: connected regions of one label, 1, 2 ...; label 0 stays 0.

    Pixels have four neighbours. Two windows that touch become one: only true ids keep them apart.
    """
    labels = labels.numpy()
    at = np.arange(labels.size).reshape(labels.shape)
    across, down = labels[:, 1:] == labels[:, :-1], labels[1:] == labels[:-1]
    a = np.concatenate([at[:, 1:][across], at[1:][down]])
    b = np.concatenate([at[:, :-1][across], at[:-1][down]])
    root = at.ravel().copy()
    while (root[a] != root[b]).any():  # each root takes the lowest one next to it; chains shrink
        low = np.minimum(root[a], root[b])
        for side in (root[a], root[b]):
            np.minimum.at(root, side, low)
        while (root != root[root]).any():
            root = root[root]
    root = np.where(labels.ravel() == 0, -1, root)
    numbers = np.unique(root, return_inverse=True)[1] + (0 if (root == -1).any() else 1)
    return torch.from_numpy(numbers.reshape(labels.shape))


def to_labels(image: Image.Image, path: Path) -> Integer[Tensor, "h w"]:
    """A label map from an image in the colours of PALETTE, or with the values 0 to 11.

    Values are those of grey in any depth, or of a palette, as programs for labelling write it,
    unless its colours are PALETTE's. Raises CourseError for what is no label map, and says that it
    is at ``path``.
    """
    pixels = _pixels(image.convert("RGB"))
    is_coloured = image.mode == "P" and {*map(tuple, pixels.flatten(0, 1).tolist())} <= {*PALETTE}
    values = pixels[..., 0] if (pixels == pixels[..., :1]).all() else None
    if image.mode != "RGB" and not is_coloured:
        values = _pixels(image)
    if values is not None and values.min() >= 0 and values.max() < len(CLASSES):
        return values.long()
    image = pixels.permute(2, 0, 1) / 127.5 - 1
    labels = label_map(image)
    colours = torch.tensor(PALETTE)[labels] / 127.5 - 1
    stray = ((colours.movedim(-1, 0) - image).abs().amax(0) > FAR).double().mean().item()
    ensure(
        stray <= STRAY,
        f"no label map: {stray:.0%} of its pixels have no colour of a label",
        path,
        "paint it in the colours of houses.layout.PALETTE, or grey 0 to 11; save as PNG",
    )
    return labels


def to_instances(image: Image.Image) -> Integer[Tensor, "h w"]:
    """Instance ids from an image: its values (grey in any depth, or of a palette), which are below
    2**24, else a number for each colour. Black is 0.
    """
    pixels = _pixels(image).long()
    return pixels if pixels.ndim == 2 else (pixels * torch.tensor([65536, 256, 1])).sum(-1)


def _pixels(image: Image.Image) -> Integer[Tensor, "h w *channels"]:
    return torch.from_numpy(np.array(image))


def scenes_of(data: TwoDomains, name: str) -> Iterator[tuple[str, Size, Tensor, Tensor]]:
    """What :func:`find_scenes` gives, of the items of a data set that has this ``name``.

    Raises CourseError if they have no labels.
    """
    ensure(
        "labels" in data[0],
        "this data set has no label maps",
        name,
        "give facades, or a folder of label maps",
    )
    for item in data:
        size = tuple(item["labels"].shape)
        yield item["name"].replace(" ", "_"), size, item["labels"], item["instances"]


def find_scenes(
    source: Path, fit: Callable[[Size, Path], Size], pairs: bool = False
) -> Iterator[tuple[str, Size, Tensor, Tensor]]:
    """(name, size of its file, labels, instances) of each scene, in the size that ``fit`` says.

    ``source`` is a folder with ``labels/`` and ``instances/``, images of equal names; or it is a
    label map, or a folder of them: then connected regions are the instances. With ``pairs``, of
    files twice as wide as high the left half. Raises CourseError for what is missing, before the
    first scene is read.
    """
    ensure(
        source.exists(),
        "no such file, folder or data set",
        source,
        "give label maps, or the name facades",
    )
    folder = source / "labels" if (source / "labels").is_dir() else source
    paths = find_images(folder) if folder.is_dir() else [folder]
    ensure(paths, "no images here", folder, "give a folder that holds label maps")
    ids: dict[str, Path] = {}
    if folder != source:
        ids = {stem_of(path): path for path in find_images(source / "instances")}
        if lonely := sorted(ids.keys() ^ {stem_of(path) for path in paths}):
            raise CourseError(
                f"labels/ and instances/ differ in: {', '.join(lonely[:5])}",
                source,
                "give each label map an instance map of the same name",
            )
    note_left_out(source, {*paths, *ids.values()})
    note_frames([*paths, *ids.values()])
    return (_scene(path, ids.get(stem_of(path)), fit, pairs) for path in paths)


def _scene(
    path: Path, ids: Path | None, fit: Callable[..., Size], pair: bool
) -> tuple[str, Size, Tensor, Tensor]:
    images = [read_image(file, keep_values=True) for file in (path, ids) if file]
    images = [ab_half(image, left=True) if pair else image for image in images]
    given = images[0].size
    images = [image.resize(fit(given, path), Image.Resampling.NEAREST) for image in images]
    labels = to_labels(images[0], path)
    return stem_of(path), given, labels, to_instances(images[1]) if ids else regions(labels)
