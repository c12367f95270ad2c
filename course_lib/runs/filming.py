"""A film is translated frame by frame, and goes on after a kill where it was."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from course_lib.data import films
from course_lib.data.files import ASIDE, only_run, replace_file
from course_lib.data.images import to_png
from course_lib.errors import CourseError
from course_lib.runs.sizes import make_targets

MOST = 900  # frames of a GIF or WebP, which are all opened at once


def translate_film(
    painted: Callable[[Image.Image], list[Image.Image]], source: Path, target: Path, samples: int
) -> list[Path]:
    """Write what ``painted`` makes of each frame of ``source``, ``samples`` pictures, as so many
    films of its size and speed; their paths.

    ``target`` is a folder, or a file of one of ``films``' kinds. Until a film is whole its frames
    lie beside it in a hidden folder, where a run that was killed finds them again; they are made
    anew if the film, or what becomes of its first frame, is another. Raises CourseError, with
    nothing written, for a ``target`` that would replace anything but an earlier film of the course.
    """
    count, kinds = films.length(source), (*films.BY_PILLOW, *films.BY_AV)
    (targets,) = make_targets(
        target, source, [source.stem], samples, [source], kinds, source.suffix.lower()
    )
    if count > MOST and targets[0].suffix.lower() in films.BY_PILLOW:
        raise CourseError(f"{count} frames are too many for such a film", source, "give an MP4")
    told = hashlib.sha256(source.read_bytes()).hexdigest()[:8]
    aside = targets[0].with_name(f"{ASIDE}{targets[0].name}-{told}")
    with only_run(aside):
        shown, made = [], []
        bar = tqdm(films.frames(source), source.name, count or None, unit=" frames", disable=None)
        for number, (image, milliseconds) in enumerate(bar):
            shown.append(milliseconds)
            made.append([aside / f"{number:06}_{k}.png" for k in range(samples)])
            if number and all(path.exists() for path in made[-1]):
                continue
            pictures = [to_png(picture, level=1) for picture in painted(image)]
            if not number and any(
                path.exists() and path.read_bytes() != picture
                for path, picture in zip(made[0], pictures, strict=True)
            ):
                for old in aside.glob("*.png"):
                    old.unlink()
            for path, picture in zip(made[-1], pictures, strict=True):
                replace_file(path, picture)
        for path, pictures in zip(targets, zip(*made, strict=True), strict=True):
            replace_file(path, films.to_film(path, pictures, shown))
    for leftover in targets[0].parent.glob(f"{ASIDE}{targets[0].name}-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    return targets
