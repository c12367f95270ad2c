"""How a network learned: held-out images at many moments, as a film, and curves.

Used by ``tools/making/ship.py``; the pictures of a training are kept by :func:`keeper`.
"""

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps
from torch import Tensor

from course_lib.data import files, photos
from course_lib.plotting.figures import stitch
from course_lib.runs.folder import open_run
from course_lib.runs.translation import image_translator

# Pictures are kept at the start and after each of so many equal parts: one a minute of an hour.
MOMENTS = 60
ACROSS, CELL = 6, 200  # photographs in a row of a sheet, and px of each
WIDEST = 780  # px of a film
FILM = 600_000  # bytes of a film, at most
QUALITIES = (85, 70, 55, 40, 25)  # of WebP, from the best on


def keeper(folder: Path) -> Callable[[int, dict[str, Tensor]], None]:
    """For ``fit(on_preview=...)``: writes each preview into ``folder`` as a PNG, row below row."""

    def keep(step: int, rows: dict[str, Tensor]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(stitch(list(rows.values()))).save(png := io.BytesIO(), "png")
        files.replace_file(folder / f"{step:08d}.png", png.getvalue())

    return keep


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
    """An animated WebP of all that was kept: ``most`` bytes and 780 px at most, ``pace``
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
