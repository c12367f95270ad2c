"""A film is translated frame by frame, and goes on after a kill where it was."""

import glob
import hashlib
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from course_lib.data import films
from course_lib.data.files import ASIDE, only_run, replace_file
from course_lib.data.images import to_png
from course_lib.errors import CourseError
from course_lib.runs.sizes import make_targets


def translate_film(
    painted: Callable[[Image.Image], list[Image.Image]], source: Path, target: Path, samples: int
) -> list[Path]:
    """Write what ``painted`` makes of each frame of ``source``, ``samples`` pictures, as so many
    films of its size and speed; their paths.

    ``target`` is a folder, or a file of one of ``films``' kinds. Until a film is whole its frames
    lie beside it in a hidden folder, where a run that was killed finds them again. That is named
    after the film and what becomes of its first frame, so those of another network, seed or size
    are never taken, and left alone while their run lives. Raises CourseError, with nothing written,
    for a film that cannot be read to its end, and a ``target`` that would replace anything but an
    earlier film of the course.
    """
    kinds, suffix = (*films.BY_PILLOW, *films.BY_AV), source.suffix.lower()
    durations = [milliseconds for _, milliseconds in films.frames(source)]
    first, _ = next(films.frames(source))
    (targets,) = make_targets(target, source, [source.stem], samples, [source], kinds, suffix)
    told = hashlib.sha256(source.read_bytes() + b"".join(map(to_png, painted(first)))).hexdigest()
    aside = targets[0].with_name(f"{ASIDE}{targets[0].name}-{told[:8]}")
    with only_run(aside):
        made, count = [], len(durations)
        bar = tqdm(films.frames(source), source.name, count, unit=" frames", disable=None)
        for number, (image, _) in enumerate(bar):
            made.append([aside / f"{number:06}_{k}.png" for k in range(samples)])
            if not all(path.exists() for path in made[-1]):
                for path, picture in zip(made[-1], painted(image), strict=True):
                    replace_file(path, to_png(picture, level=1))
        for path, pictures in zip(targets, zip(*made, strict=True), strict=True):
            replace_file(path, films.to_film(path, pictures, durations))
    for leftover in targets[0].parent.glob(f"{ASIDE}{glob.escape(targets[0].name)}-????????"):
        with suppress(CourseError):
            with only_run(leftover):  # else another run is making them
                pass
            shutil.rmtree(leftover, ignore_errors=True)
    return targets
