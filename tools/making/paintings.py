"""Rebuild the shipped paintings from Debian's gcompris-qt-data (see tools/making/photos.py).

    python -m tools.making.paintings [FOLDER_WITH_PACKAGE]

Writes the works of WORKS, without the rim of paper or wall around them, and ``paintings.json`` into
``course_lib/data/paintings_files/``, and their list, ``paintings.md``, into ``LICENSES/``. The
package has some whole and others as the pieces of a jigsaw, with their places on a board. The same
version of the package and of Pillow gives the same bytes.
"""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from course_lib.data.images import read_image
from course_lib.data.paintings import FILES
from tools.making.photos import VERSIONS, opened, run, unpack, write

PACKAGE = "gcompris-qt-data"
BOARD = (702, 515)  # px, width and height of the board of a jigsaw
BESIDE = 20  # px around it, onto which pieces may reach
RIM = 9  # px that are cut off at each side: paper, the wall, the first row of a piece
QUALITY = 85
HOKUSAI, HIROSHIGE, GOGH = "Katsushika Hokusai", "Utagawa Hiroshige", "Vincent van Gogh"
WHOLE, JIGSAW = "details/resource/image/{}_background.webp", "paintings/resource/board/{}_0.qml"
# Years as museums give them; the package has another for the snow, from before Hiroshige's birth.
# (name, title, artist, year, where in the package): of each painter the first is held out
WORKS = {
    "van-gogh": [
        ("langlois_bridge", "The Langlois Bridge at Arles with Lady with Umbrella", GOGH, "1888",
         WHOLE.format("VincentVanGoghBridge")),
        ("auvers_church", "The Church at Auvers", GOGH, "1890",
         WHOLE.format("Eglise_dAuvers-sur-Oise")),
        ("auvers_street", "Village Street in Auvers", GOGH, "1890", JIGSAW.format("board22")),
        ("cafe_terrace", "Café Terrace at Night", GOGH, "1888", WHOLE.format("Gogh4")),
        ("harvest", "The Harvest", GOGH, "1888", WHOLE.format("VincentVanGogh0019")),
        ("hospital_hall", "Entrance Hall of Saint-Paul Hospital", GOGH, "1889",
         WHOLE.format("VincentVanGogh0012")),
        ("night_cafe", "The Night Café", GOGH, "1888", WHOLE.format("Van_Gogh_The_Night_Cafe")),
        ("on_his_way", "Painter on His Way to Work", GOGH, "1888",
         WHOLE.format("VincentVanGogh0013")),
        ("pere_tanguy", "Portrait of Père Tanguy", GOGH, "1887",
         WHOLE.format("PortraitOfPereTanguy")),
    ],
    "ukiyo-e": [
        ("ejiri", "Ejiri in Suruga Province", HOKUSAI, "about 1831", JIGSAW.format("board6")),
        ("great_wave", "The Great Wave off Kanagawa", HOKUSAI, "about 1831",
         JIGSAW.format("board7")),
        ("inokashira_snow", "The Benzaiten Shrine at Inokashira in Snow", HIROSHIGE, "about 1845",
         JIGSAW.format("board8")),
        ("kazusa", "The Kazusa Sea Route", HOKUSAI, "about 1831", JIGSAW.format("board12")),
        ("mackerel_prawns", "Horse Mackerel and Prawns", HIROSHIGE, "about 1835",
         JIGSAW.format("board9")),
        ("poppies", "Poppies", HOKUSAI, "about 1833", JIGSAW.format("board11")),
        ("ryogoku_bridge", "Viewing Sunset over the Ryogoku Bridge", HOKUSAI, "about 1831",
         JIGSAW.format("board10")),
    ],
}  # fmt: skip


def jigsaw(board: Path) -> Image.Image:
    """The picture whose pieces lie on this board; where they overlap, their mean by opacity."""
    width, height = BOARD
    total = np.zeros(
        (height + 2 * BESIDE, width + 2 * BESIDE, 4)
    )  # red, green and blue times opacity, and opacity
    piece = r'"pixmapfile" : "(.+webp)",\s+"x" : "(.+)",\s+"y" : "(.+)"'
    for file, x, y in re.findall(piece, board.read_text("utf-8")):
        pixels = np.asarray(Image.open(board.parents[1] / file).convert("RGBA")) / 255.0
        tall, wide = pixels.shape[:2]
        top = round(float(y) * height - tall / 2) + BESIDE
        left = round(float(x) * width - wide / 2) + BESIDE
        pixels[..., :3] *= pixels[..., 3:]
        total[top : top + tall, left : left + wide] += pixels
    around = sum(np.roll(total, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1))
    total = np.where(total[..., 3:] < 0.5, around, total)  # single pixels that no piece covers
    colours = total[..., :3] / np.maximum(total[..., 3:], 1e-6)
    rows, columns = ((total[..., 3] > 0.5).mean(axis) > 0.5 for axis in (1, 0))
    picture = colours[rows][:, columns]
    return Image.fromarray((picture * 255).round().astype(np.uint8))


def build(folder: Path) -> None:
    FILES.mkdir(exist_ok=True)
    inside, rows, made = opened(unpack(PACKAGE, folder)), [], {}
    for painter, works in WORKS.items():
        for i, (name, title, artist, year, path) in enumerate(works):
            file = inside / path
            picture = jigsaw(file) if file.suffix == ".qml" else read_image(file)
            box = (RIM, RIM, picture.width - RIM, picture.height - RIM)
            picture.crop(box).save(webp := io.BytesIO(), "webp", quality=QUALITY, method=6)
            made[f"{name}.webp"] = webp.getvalue()
            row = {"name": name, "painter": painter, "split": "train" if i else "held out"}
            row |= {"title": title, "artist": artist, "year": year}
            rows.append(row | {"package": PACKAGE, "version": VERSIONS[PACKAGE], "path": path})
    with zipfile.ZipFile(FILES / "paintings.zip", "w") as archive:
        for name in sorted(made):
            archive.writestr(zipfile.ZipInfo(name), made[name])  # without the time
    write(rows, "paintings", FILES, listed(rows))


def listed(rows: list[dict]) -> str:
    """The list of the works, for people."""
    lines = [
        "# The paintings",
        "",
        "The works are in the public domain: Hokusai died in 1849, Hiroshige in 1858, Van Gogh in",
        "1890. The pictures of them come from Debian's package `gcompris-qt-data`. Of those in its",
        'folder `details` the README beside them says "Public domain", and the package\'s list of',
        "copyrights GPL-3, Copyright 2000, 2008 Bruno Coudoin and others. Of those in `paintings`",
        "both say that they are from the WebMuseum, Copyright 1994-2006 Nicolas Pioch and 2008",
        "Bruno Coudoin, under the GPL, version 3 or later ([text](GPL-3.0.txt)).",
        "",
        "Here the pieces of jigsaws were put together, 9 px were cut off at each side, and the",
        "pictures stored as WebP, which is lossy, in `paintings.zip`. `tools/making/paintings.py`",
        "does this, and wrote this list.",
        "",
        "| file | title | by | year | taken from |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        origin = f"`{row['package']}` {row['version']}, `{row['path']}`"
        told = f"{row['title']} | {row['artist']} | {row['year']}"
        lines.append(f"| {row['name']}.webp | {told} | {origin} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(build)
