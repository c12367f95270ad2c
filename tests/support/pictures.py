"""Pictures for tests: one with what photographs have, noise, and files made by hand."""

import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from course_lib.errors import CourseError


def photograph(width: int, height: int, seed: int = 0) -> Image.Image:
    """Shading, shapes with edges, texture: RGB, of any size; equal seeds give equal pictures."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[:height, :width] / max(width, height, 2)
    sky = np.stack([120 + 100 * down, 160 + 60 * across, 230 - 80 * down], -1)
    image = Image.fromarray((sky + rng.normal(0, 6, sky.shape)).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for colour in ((200, 60, 40), (250, 220, 60), (40, 120, 60)):
        x, y, r = rng.random(3) * (width, height, 0.3 * min(width, height))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour, outline=(20, 20, 20))
    return image


def noise(width: int = 64, height: int = 32, seed: int = 0) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    )


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    image.save(buffer := io.BytesIO(), kind, **options)
    return buffer.getvalue()


def saved(folder: Path, images: Iterable[Image.Image]) -> Path:
    """A folder with these images as 0.png, 1.png ..., which is made."""
    folder.mkdir(parents=True)
    for i, image in enumerate(images):
        image.save(folder / f"{i}.png")
    return folder


def turned(orientation: int) -> Image.Exif:
    """What a camera writes into a file, of which stored pixel is the upper left one: 1 to 8."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, rows: bytes = b"", depth: int = 8, colour: int = 2, extra: bytes = b""
) -> bytes:
    """A PNG made by hand, so that the header can say anything."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = (
        chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


def refused(call, *arguments) -> CourseError:
    """The CourseError of a call, which must be one; each of its three parts is a line."""
    with pytest.raises(CourseError) as caught:
        call(*arguments)
    assert "\n" not in caught.value.what + caught.value.where + caught.value.fix
    return caught.value
