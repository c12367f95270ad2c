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
from course_lib.runs.sizes import make_targets


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
    durations = [milliseconds for _, milliseconds in films.frames(source)]
    first, _ = next(films.frames(source))
    (targets,) = make_targets(target, source, [source.stem], samples, [source], kinds, suffix)
    told = hashlib.sha256(source.read_bytes() + b"".join(map(to_png, painted(first)))).hexdigest()
    aside = targets[0].with_name(f"{ASIDE}{targets[0].name}-frames")
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
