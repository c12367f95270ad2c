"""Films in files, frame by frame: GIF and WebP by Pillow, MP4 and its like by the extra film."""

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, chain, pairwise
from pathlib import Path

from PIL import ExifTags, Image, ImageOps

from course_lib.data.files import MARK
from course_lib.data.images import FILMS, Size, format_of_frames, opened, printable, rgb
from course_lib.errors import need, note_once, telling

# In what steps, in ms, they tell how long a frame is shown; the fewest steps that browsers heed,
# which take 10 ms or less for 100, as this module does; and the most that a file can hold.
BY_PILLOW = {".gif": (10, 2, 2**16 - 1), ".webp": (1, 11, 2**24 - 1)}
BY_AV = (".mp4", ".m4v", ".mov")  # by H.264; more are read


def is_film(path: Path) -> bool:
    """A file called as FILMS are, or an image file of several frames, whatever its name. (A TIFF
    has pages.)

    Raises CourseError for an image that cannot be read.
    """
    return path.suffix.lower() in FILMS or format_of_frames(path) not in ("", "TIFF")


def frames(path: Path) -> Iterator[tuple[Image.Image, float]]:
    """Each frame in RGB, the right way up, and for how many milliseconds it is shown.

    Raises CourseError for a film that cannot be read, where it is cut off, and without the extra.
    """
    if path.suffix.lower() not in FILMS:
        with opened(path) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                turned = rgb(ImageOps.exif_transpose(image))  # it is loaded, and knows its time
                yield turned, lasts if (lasts := image.info.get("duration", 0)) > 10 else 100
    else:
        (av,) = need("film", "av")
        with (
            telling(
                (av.FFmpegError, IndexError, ValueError),
                "cannot read this film",
                printable(path),
                "save the film again, or give a GIF or WebP",
            ),
            av.open(str(path)) as film,
        ):
            for frame, after in pairwise(chain(film.decode(film.streams.video[0]), [None])):
                lasts = after.pts - frame.pts if after else frame.duration
                turned = frame.to_image().rotate(frame.rotation, expand=True)
                yield turned, float(1000 * lasts * frame.time_base) or 100


def to_film(
    path: Path, pictures: Iterable[Image.Image], durations: Sequence[float], size: Size
) -> bytes:
    """The film of these ``pictures``, of one ``size``, in the container that ``path`` is named by.

    It says that it is the course's, runs in a circle where its kind can, and has no sound. Each
    frame begins when the ``durations`` (ms) before it have passed, in whole steps of the container:
    of 10 ms in GIF, of 1 in WebP. An MP4 of odd sides loses a row or a column, and says so; else
    many programs refuse it. In GIF and WebP a frame lasts at least 20 or 11 ms, so that browsers
    heed it, and what follows a shorter one begins later; it is cut at 655 s or 4.6 hours. There
    neighbours that look alike become one frame, which lasts as long as they did, and a WebP of one
    frame is a still.
    """
    file, kind = io.BytesIO(), path.suffix.lower()
    step, fewest, most = BY_PILLOW.get(kind, (1 / 90, 1, 2**32))  # an MP4 counts in 1/90,000 s
    begins = [round(each / step) for each in accumulate(durations, initial=0)]
    lasts = [min(max(end - begin, fewest), most) for begin, end in pairwise(begins)]
    if kind in BY_PILLOW:
        (exif := Image.Exif())[ExifTags.Base.Software] = MARK
        first, *others = (picture.convert("RGB") for picture in pictures)
        told = {
            "comment": MARK,
            "exif": exif,
            "duration": [step * each for each in lasts],
            "save_all": True,
            "append_images": others,
            "loop": 0,
            "quality": 90,
        }
        first.save(file, kind[1:], **told)
        return file.getvalue()
    (av,) = need("film", "av")
    width, height = even = tuple(max(2, side - side % 2) for side in size)
    if even != size:
        note_once(f"an MP4 that plays everywhere has even sides: written in {width} x {height} px")
    with av.open(file, "w", format="mp4") as film:
        film.metadata["comment"] = MARK
        rate = Fraction(1000 * len(durations) / sum(durations)).limit_denominator(1001)
        stream = film.add_stream("h264", rate, width=width, height=height)
        stream.pix_fmt = "yuv420p"  # half the colours, which need even sides
        stream.options = {"crf": "18", "bf": "0"}  # frames in the order in which they are shown
        stream.codec_context.time_base = Fraction(1, 90_000)
        for begin, picture in zip(begins, chain(pictures, [None]), strict=True):
            if picture and picture.size != even:
                picture = picture.crop((0, 0, *even))
            if frame := picture and av.VideoFrame.from_image(picture):
                frame.pts, frame.time_base = begin, stream.codec_context.time_base
            for packet in stream.encode(frame):
                packet.duration = lasts[begins.index(packet.pts)]
                film.mux(packet)
    return file.getvalue()
