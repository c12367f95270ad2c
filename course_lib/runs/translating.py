"""Images in files are translated by a run: ``course translate``."""

import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.data.images import find_images, square, to_bytes
from course_lib.errors import CourseError
from course_lib.methods.base import Method
from course_lib.runs.opening import open_translator, towards
from course_lib.runs.pictures import make_folder, write_pictures
from course_lib.runs.scenes import translate_scenes

Painter = Callable[[Tensor], Tensor]  # x (1, 3, s, s) -> its outputs (k, 3, s, s)


def translate_files(
    folder: Path,
    source: Path,
    target: Path,
    *,
    samples: int = 1,
    style: Path | None = None,
    seed: int = 0,
    direction: str | None = None,
    device: str = "auto",
) -> list[Path]:
    """Translate an image, or each image of a folder, into PNG files below ``target``; returns their paths.

    Inputs are resized to the model's square size, as in training, and outputs have that size. Of an A|B image (twice as
    wide as high) the half that is the model's input is taken. ``samples`` above 1 asks for that many outputs an input,
    with ``_1``, ``_2`` ... added to the names: equal numbers are equal codes z where the method has codes, else chance
    (dropout) makes them differ. ``style`` is an image, of the output's domain, whose code all outputs are to have.
    A method that paints from maps takes label maps: see :func:`course_lib.runs.scenes.translate_scenes`.

    Raises CourseError for an input that is missing or no image, a ``direction`` the run has not learned, ``samples``
    that are all the same, or a ``style`` for a run without an encoder, before anything is written.
    """
    method, settings = open_translator(folder, device)
    direction = direction or settings["direction"]
    method = towards(method, settings, direction, folder)
    if style is not None:
        _check_style(method, settings["method"], folder, samples)
    if method.maps:
        return translate_scenes(method, source, target, samples, seed)
    size, left = method.config.image_size, direction == "xy"
    images = _inputs(source, size, left)
    if style is not None:
        paint = _in_style(method, square(style, size, not left)[0])
    elif method.has_codes:
        paint = _with_codes(method, samples, seed)
    else:
        paint = _by_chance(method, samples)
        if samples > 1 and not _has_chance(method, images[0][1], seed):
            what = f"this {settings['method']} run has no noise: all {samples} outputs would be the same"
            raise CourseError(what, folder, "leave out --samples, or train bicyclegan or munit")
    make_folder(target)
    torch.manual_seed(seed)
    return [path for name, x in images for path in write_pictures(target, name, paint(x.to(method.device)))]


def _inputs(source: Path, size: int, left: bool) -> list[tuple[str, Float[Tensor, "1 3 size size"]]]:
    """(name, image) of each file; the name is without the suffix where that is enough to tell the files apart."""
    if not source.exists():
        raise CourseError("no such file or folder", source, "give an image, or a folder of images")
    paths = find_images(source) if source.is_dir() else [source]
    if not paths:
        raise CourseError("no images here", source, "give a folder that holds PNG or JPEG files")
    images, halved = zip(*(square(path, size, left) for path in paths), strict=True)
    if any(halved):
        side = "left" if left else "right"
        warnings.warn(f"{sum(halved)} images are twice as wide as high: took their {side} half as input", stacklevel=3)
    stems = [path.stem for path in paths]
    names = [path.stem if stems.count(path.stem) == 1 else path.name.replace(".", "_") for path in paths]
    return list(zip(names, images, strict=True))


# ---- what the run can do


def _check_style(method: Method, name: str, folder: Path, samples: int) -> None:
    if samples > 1:
        raise CourseError("a style gives one output an image", f"--samples {samples}", "leave out --samples or --style")
    if not method.reads_codes:
        what = f"a {name} run cannot paint in the style of an image: it has no encoder of whole images"
        raise CourseError(what, folder, "leave out --style, or train bicyclegan or munit")


def _has_chance(method: Method, x: Tensor, seed: int) -> bool:
    """Whether two outputs for one input differ."""
    torch.manual_seed(seed)
    first, second = to_bytes(_by_chance(method, 2)(x.to(method.device)))
    return not torch.equal(first, second)


def _in_style(method: Method, example: Float[Tensor, "1 3 s s"]) -> Painter:
    z = method.encode(example.to(method.device))
    return lambda x: method.translate(x, z=z)["fake_y"]


def _with_codes(method: Method, samples: int, seed: int) -> Painter:
    return lambda x: method.sample(x, samples, seed)[0]


def _by_chance(method: Method, samples: int) -> Painter:
    return lambda x: torch.cat([method.translate(x)["fake_y"] for _ in range(samples)])
