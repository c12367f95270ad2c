"""Films in files, frame by frame: GIF and WebP by Pillow, MP4 and its like by the extra film."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from course_lib.data.files import MARK
from course_lib.data.images import opened, printable, rgb
from course_lib.errors import CourseError, need

BY_PILLOW = (".gif", ".webp")
BY_AV = (".mp4", ".m4v", ".mov")  # by H.264


@contextmanager
def _stream(path: Path) -> Iterator[tuple[Any, Any]]:
    """A film that PyAV has opened, and its pictures.

    Raises CourseError where they cannot be read, and without the extra.
    """
    (av,) = need("film", "av")
    try:
        with av.open(str(path)) as film:
            yield film, film.streams.video[0]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise CourseError(
            f"cannot read this film: {error}",
            printable(path),
            "save the film again, or give a GIF or WebP",
        ) from error


def length(path: Path) -> int:
    """The number of frames; 1 for a still, and 0 for a film that does not say it.

    Raises CourseError for a film that cannot be read.
    """
    if path.suffix.lower() in BY_AV:
        with _stream(path) as (_, stream):
            return stream.frames
    if path.suffix.lower() not in BY_PILLOW:
        return 1
    with opened(path) as image:
        return getattr(image, "n_frames", 1)


def frames(path: Path) -> Iterator[tuple[Image.Image, float]]:
    """Each frame in RGB, the right way up, and for how many milliseconds it is shown.

    Raises CourseError as :func:`length` does, and where the film is cut off.
    """
    if path.suffix.lower() in BY_PILLOW:
        with opened(path) as image:
            for number in range(image.n_frames):
                image.seek(number)
                image.load()
                yield rgb(image), image.info.get("duration") or 100  # as browsers have it
        return
    with _stream(path) as (film, stream):
        for frame in film.decode(stream):
            turned = frame.to_image().rotate(frame.rotation, expand=True)
            yield turned, float(1000 / stream.average_rate)


def to_film(path: Path, pictures: Sequence[Path], durations: Sequence[float]) -> bytes:
    """The film of these ``pictures``, of one size, in the container that ``path`` is named by.

    It says that it is the course's, runs in a circle where its kind can, and has no sound.
    """
    file = io.BytesIO()
    if path.suffix.lower() in BY_PILLOW:
        (exif := Image.Exif())[ExifTags.Base.Software] = MARK
        first, *others = (Image.open(picture).convert("RGB") for picture in pictures)
        told = {"comment": MARK, "exif": exif, "duration": [round(each) for each in durations]}
        told |= {"save_all": True, "append_images": others, "loop": 0, "quality": 90}
        first.save(file, path.suffix[1:].lower(), **told)
        return file.getvalue()
    (av,) = need("film", "av")
    with av.open(file, "w", format="mp4") as film:
        film.metadata["comment"] = MARK
        stream = film.add_stream("h264", Fraction(1000 / durations[0]).limit_denominator(1001))
        stream.width, stream.height = Image.open(pictures[0]).size
        odd = stream.width % 2 or stream.height % 2  # colours at half the size need even sides
        stream.pix_fmt, stream.options = "yuv444p" if odd else "yuv420p", {"crf": "18"}
        for picture in pictures:
            film.mux(stream.encode(av.VideoFrame.from_image(Image.open(picture))))
        film.mux(stream.encode())
    return file.getvalue()
