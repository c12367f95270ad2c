"""Films and sheets of pictures, and the curves of a training, for the scripts beside this one."""

import io
from pathlib import Path

from PIL import Image, ImageOps

from course_lib.data import photos
from course_lib.runs.folder import open_run
from course_lib.runs.translation import image_translator

MOMENTS = 60  # equal parts of a history: one a minute of an hour
ACROSS, CELL = 6, 200  # photographs in a row of a sheet, and px of each
WIDEST = 780  # px of a film
FILM = 600_000  # bytes of a film, at most
QUALITIES = (85, 70, 55, 40, 25)  # of WebP, from the best on


def sheet(run: Path | str) -> bytes:
    """WebP: all test photographs in the order of their list, each above what ``run`` makes of it.

    Squares of them are shown, and whole ones translated, as ``course translate`` does it.
    """
    names = [photos.entries()[i]["name"] for i in photos.numbers("test")]
    translate, rows = image_translator(*open_run(run, "cpu")), -(-len(names) // ACROSS)
    picture = Image.new("RGB", (ACROSS * CELL, 2 * rows * CELL), "white")
    for i, photo in enumerate(map(photos.photograph, names)):
        for below, shown in enumerate((photo, translate(photo))):
            place = i % ACROSS * CELL, (2 * (i // ACROSS) + below) * CELL
            picture.paste(ImageOps.fit(shown, (CELL - 2, CELL - 2)), place)
    picture.save(file := io.BytesIO(), "webp", quality=80, method=6)
    return file.getvalue()


def film(folder: Path, most: int = FILM, pace: int = 120) -> bytes:
    """An animated WebP of the PNG files of ``folder``: ``most`` bytes and 780 px at most, ``pace``
    milliseconds a picture; it rests on the last.
    """
    pictures = [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.png"))]
    pictures = [picture.reduce(-(-picture.width // WIDEST)) for picture in pictures]
    lasts = [pace] * (len(pictures) - 1) + [3000]
    for quality in QUALITIES:
        options = {"quality": quality, "method": 4, "duration": lasts, "loop": 0}
        pictures[0].save(
            file := io.BytesIO(), "webp", save_all=True, append_images=pictures[1:], **options
        )
        if file.tell() <= most:
            break
    return file.getvalue()


def curves(history: list[dict]) -> dict[str, list[float]]:
    """The history in sixty parts: the mean of each loss; the last val_l1, step and seconds."""
    parted: dict[str, list[float]] = {}
    parts = [
        history[i * len(history) // MOMENTS : (i + 1) * len(history) // MOMENTS]
        for i in range(MOMENTS)
    ]
    for part in filter(None, parts):
        for name in dict.fromkeys(name for row in part for name in row):
            values = [row[name] for row in part if name in row]
            mean = (
                values[-1] if name in ("step", "seconds", "val_l1") else sum(values) / len(values)
            )
            parted.setdefault(name, []).append(round(mean, 5))
    return parted
