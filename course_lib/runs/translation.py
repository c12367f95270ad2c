"""Images and films in files are translated by a run: ``course translate``."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from course_lib.data import films
from course_lib.data.files import aside_of, expanded, only_run, replace_file
from course_lib.data.folders import key_of
from course_lib.data.images import (
    FILMS,
    IMAGES,
    ab_half,
    attempt,
    find_images,
    folder_below,
    grey,
    in_palette,
    note_frames,
    note_left_out,
    read_image,
    refusal,
    stem_of,
    to_png,
    to_tensor,
    with_luminance,
)
from course_lib.errors import CourseError, ensure, need, note
from course_lib.methods.base import Method
from course_lib.networks.hardware import seeded
from course_lib.runs import traits
from course_lib.runs.folder import in_direction, open_translator
from course_lib.runs.label_maps import translate_scenes
from course_lib.runs.sizes import Input, framer, make_targets, pictures, write_files

STILL = (".png", ".jpg", ".jpeg")  # asked for, of a film the first frame is translated


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
    scale: float | None = None,
    squared: bool = False,
    whole: bool = False,
    keep_alpha: bool = False,
) -> list[Path]:
    """Translate an image, or each image of a folder, into PNG files below ``target``; their paths.

    A film, by itself, becomes a film: see :func:`translate_film`.

    ``target`` may be NAME.png, NAME.jpg or NAME.webp for one image; of several ``samples`` it is
    then the common name. Outputs have the sizes of their inputs. On the way the shorter side has
    the size of the training (more where that showed squares of larger pictures only:
    ``Traits.share``) and the longer at most 16 times as much, or both sides are multiplied by
    ``scale``, and what a network needs beyond that is as in ``sizes.fitted``. A
    network that takes squares only gets the image squeezed into one. ``squared`` does so with every
    network, and outputs stay squares. ``keep_alpha``: an output is as transparent as its input. Of
    an A|B image (twice as wide as high) the half that is the model's input is taken, if the run has
    learned from such images, or if ``squared``; not if it is to be translated ``whole``. A run that
    learned to colour sees the input in grey, and an output has the colours of the network and the
    luminance of the input, pixel by pixel. One that learned from grey images of y alone gives such.
    One that learned from flat colours sees the input in those. See ``traits.py``.

    ``samples`` above 1 asks for that many outputs an input, with ``_1``, ``_2`` ... added to the
    names: equal numbers are equal codes z where the method has codes, else chance (dropout) makes
    them differ. ``style`` is an image, of the output's domain, whose code all outputs are to have;
    of an A|B image it is the other half, unless ``whole``.
    A method that paints from maps takes label maps: see ``label_maps.translate_scenes``.

    Raises CourseError for an input that is missing or no image, a ``direction`` the run has not
    learned, ``samples`` that are all the same, or a ``style`` for a run without an encoder, before
    anything is written.
    """
    source, target = expanded(source), expanded(target)
    method, settings = open_translator(folder, device)
    direction = direction or settings["direction"]
    method = in_direction(method, settings, direction, folder)
    _check_noise(method, settings["method"], folder, samples, style)
    if method.maps:
        ensure(not keep_alpha, "label maps are not transparent", "--keep-alpha", "leave it out")
        return translate_scenes(
            method, source, target, samples, seed, scale, squared, squared and not whole
        )
    is_film = source.is_file() and films.is_film(source) and target.suffix.lower() not in STILL
    ensure(
        not (is_film and keep_alpha), "films are not transparent", "--keep-alpha", "leave it out"
    )
    paths, look = _inputs(source), traits.of_run(settings, direction)
    paired, input_is_left = (squared or look.beside) and not whole, direction == "xy"
    example = style and read_image(style)
    if example and not whole:
        example = ab_half(example, not input_is_left)
    translate = _translator(method, look, example, samples, seed, scale, squared)

    def halved(image: Image.Image) -> Image.Image:
        return ab_half(image, input_is_left) if paired else image

    def painted(frame: Image.Image) -> list[Image.Image]:
        with seeded(seed, method.device):  # the same codes, and the same chance, for each
            (made,) = translate([_input(source, halved(frame))])
        return made

    read_input = (  # a still of a film is its first frame
        (lambda path: next(films.frames(path))[0])
        if source.suffix.lower() in FILMS
        else partial(read_image, keep_alpha=keep_alpha)
    )
    if is_film:
        return translate_film(painted, source, target, samples)
    sizes, bad = attempt(lambda path: read_input(path).size, paths)  # before anything is written
    if bad:
        raise refusal(bad, source)
    fix = "of a film alone, and NAME.webp or .mp4 as the output, all are translated"
    note_frames([*paths, *([style] if style else [])], fix)
    read = [*paths, style] if style else paths
    targets = make_targets(target, source, paths.values(), samples, read)
    doubled = sum(width == 2 * height for width, height in sizes.values())
    if paired and doubled:
        side = "left" if input_is_left else "right"
        note(
            f"took the {side} half of what is twice as wide as high, {doubled} of {len(paths)} "
            "images; --whole takes all of it"
        )

    def opened() -> Iterator[Input]:
        for path in paths:
            yield _input(path, halved(read_input(path)))

    with seeded(seed, method.device):
        return write_files(translate(opened()), targets)


def translate_film(
    painted: Callable[[Image.Image], list[Image.Image]], source: Path, target: Path, samples: int
) -> list[Path]:
    """Write what ``painted`` makes of each frame of ``source``, ``samples`` pictures, as so many
    films of its size and speed; their paths.

    ``target`` is a folder, or a file of one of ``films``' kinds. Until a film is whole its frames
    lie beside it in a hidden folder, where a run that was killed finds them again. They are named
    after the film and what becomes of its first frame, so those of another network, seed or size
    are never taken. Raises CourseError, with nothing written, for a film that cannot be read to its
    end, a ``target`` that would replace anything but an earlier film of the course, and one that
    another run is making.
    """
    kinds, suffix = (*films.BY_PILLOW, *films.BY_AV), source.suffix.lower()
    if suffix not in kinds:
        suffix = ".mp4" if suffix in FILMS else ".webp"
    durations = [milliseconds for _, milliseconds in films.frames(source)]
    first, _ = next(films.frames(source))
    (targets,) = make_targets(target, source, [source.stem], samples, [source], kinds, suffix)
    if targets[0].suffix.lower() in films.BY_AV:
        need("film", "av")  # before the first frame
    told = hashlib.sha256(source.read_bytes() + b"".join(map(to_png, painted(first)))).hexdigest()
    aside = aside_of(targets[0], "-frames")
    with only_run(aside):
        made = []
        for number, (image, _) in enumerate(
            tqdm(films.frames(source), source.name, len(durations), unit=" frames", disable=None)
        ):
            made.append([aside / f"{told[:8]}_{number:06}_{k}.png" for k in range(samples)])
            if not all(path.exists() for path in made[-1]):
                for path, picture in zip(made[-1], painted(image), strict=True):
                    replace_file(path, to_png(picture, level=1))
        for path, pictures in zip(targets, zip(*made, strict=True), strict=True):
            shown, size = map(Image.open, pictures), Image.open(pictures[0]).size
            replace_file(path, films.to_film(path, shown, durations, size))
        shutil.rmtree(aside, ignore_errors=True)  # while no other run may write there
    return targets


def image_translator(
    method: Method, settings: dict, squared: bool = False
) -> Callable[[Image.Image], Image.Image]:
    """What turns an RGB image into its translation of the same size, as :func:`translate_files`;
    ``squared`` is as there.

    ``settings`` are those of the run (run.json): they tell its direction, and how it sees pictures.
    A code z, or chance, is the same each time. Raises CourseError for a method that paints from
    label maps, and later where memory runs out.
    """
    ensure(
        not method.maps,
        "this run paints label maps, not photographs",
        settings["method"],
        "give a run that has learned from images",
    )
    look = traits.of_run(settings, settings["direction"])
    translate = _translator(method, look, squared=squared)

    def translated(image: Image.Image) -> Image.Image:
        name = f"an image of {image.width} x {image.height} px"
        with seeded(0, method.device):
            ((picture,),) = translate([_input(name, image)], fix="reduce it")
        return picture

    return translated


def _input(name: object, image: Image.Image) -> Input:
    return name, image.size, partial(to_tensor, image.convert("RGB")), image


def _translator(
    method: Method,
    look: traits.Traits,
    style: Image.Image | None = None,
    samples: int = 1,
    seed: int = 0,
    scale: float | None = None,
    squared: bool = False,
) -> Callable[..., Iterator[list[Image.Image]]]:
    """``sizes.pictures`` of a run, which takes inputs, and a ``fix`` for where memory runs out."""
    if style is not None:
        z = method.encode(to_tensor(style, method.config.image_size)[None].to(method.device))

    def paint(x: Float[Tensor, "1 3 h w"]) -> Float[Tensor, "k 3 h w"]:
        if look.colouring:
            x = grey(x)
        elif look.palette:
            x = in_palette(x, look.palette)
        x = x.to(method.device)
        if style is not None:
            fakes = method.translate(x, z)["fake_y"]
        elif method.has_codes:
            fakes = method.sample(x, samples, seed)[0]
        else:
            fakes = torch.cat([method.translate(x)["fake_y"] for _ in range(samples)])
        return grey(fakes) if look.grey else fakes

    frame = framer(method, paint, scale, squared, look.share)
    finish = with_luminance if look.colouring else None  # the network gives the colours alone
    return partial(pictures, frame=frame, paint=paint, finish=finish)


def _inputs(source: Path) -> dict[Path, str]:
    """The files and their names, without the suffix where that is enough to tell them apart.

    Capitals are not: on many disks A.png would be a.png.
    """
    ensure(
        source.exists(), "no such file or folder", source, "give an image, or a folder of images"
    )
    paths = find_images(source) if source.is_dir() else [source]
    if not paths:
        below = folder_below(source)
        fix = f"give {below}" if below else f"give a folder that holds {IMAGES} files"
        raise CourseError("no images here", source, fix)
    if source.is_dir():
        note_left_out(source, paths)
    stems = [key_of(path).casefold() for path in paths]
    alone = {path: stems.count(stem) == 1 for path, stem in zip(paths, stems, strict=True)}
    return {path: stem_of(path) if alone[path] else path.name.replace(".", "_") for path in paths}


def _check_noise(method: Method, name: str, folder: Path, samples: int, style: Path | None) -> None:
    """Raises CourseError for ``samples`` that are all the same, or a ``style`` nobody can read."""
    ensure(
        style is None or samples == 1,
        "a style gives one output an image",
        f"--samples {samples}",
        "leave out --samples or --style",
    )
    ensure(
        style is None or method.reads_codes,
        f"a {name} run has no encoder of whole images, so it cannot take over a style",
        folder,
        "leave out --style, or train bicyclegan or munit",
    )
    ensure(
        samples == 1 or method.has_codes or method.has_chance,
        f"this {name} run has no noise: all {samples} outputs would be the same",
        folder,
        "leave out --samples, or train bicyclegan, munit, or pix2pixhd with use_features=true",
    )
