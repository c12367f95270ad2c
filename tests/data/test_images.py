"""Reading images: everything a camera, a browser or an attacker may have left in a file."""

import os
import struct
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.data import images
from course_lib.data.images import (
    find_images,
    flattened,
    image_size,
    palette_of,
    printable,
    read_image,
    to_bytes,
    to_image,
    to_tensor,
)
from tests.support import pictures
from tests.support.archives import make_zip
from tests.support.pictures import chunk, encoded, noise, png, turned


def pixels(path):
    image = read_image(path)
    assert image.mode == "RGB"
    return [tuple(p) for p in np.asarray(image).reshape(-1, 3).tolist()]


def refused(path, call=read_image):
    error = pictures.refused(call, path)
    assert error.where == printable(path)
    return error


# --- refused


@pytest.mark.parametrize("call", [read_image, image_size])
def test_no_image_at_all(tmp_path, call):
    html = tmp_path / "page.jpg"
    html.write_text("<!DOCTYPE html><html><body>404</body></html>")
    assert "content is not JPEG" in refused(html, call).what
    empty = tmp_path / "empty.png"
    empty.touch()
    assert "empty" in refused(empty, call).what
    assert "no such file" in refused(tmp_path / "missing.png", call).what
    (tmp_path / "folder.png").mkdir()
    refused(tmp_path / "folder.png", call)


def test_named_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert find_images(tmp_path) == []
    refused(tmp_path / "pipe.png")


def patched(data, at, raw):
    return data[:at] + raw + data[at + len(raw) :]


BOMBS = {  # headers that announce more pixels than may be read, in three formats
    **{f"{side}.png": png(side, side) for side in (8001, 12_000, 20_000, 2_000_000_000)},
    "wide.png": png(2_000_000_000, 2),
    "high.png": png(2, 2_000_000_000),
    "bomb.bmp": patched(encoded(noise(), "BMP"), 18, struct.pack("<ii", 60_000, 60_000)),
    "bomb.gif": patched(encoded(noise(), "GIF"), 6, struct.pack("<HH", 65_000, 65_000)),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bomb_is_refused_before_decoding(tmp_path, monkeypatch, name):
    assert images.MAX_PIXELS < Image.MAX_IMAGE_PIXELS
    path = tmp_path / name
    path.write_bytes(BOMBS[name])
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    for call in (read_image, image_size):
        assert "too large" in refused(path, call).what


def test_largest_allowed_header_is_not_called_a_bomb(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png(8000, 8000))
    assert image_size(path) == (8000, 8000)
    assert "too large" not in refused(path).what


def test_too_little_memory_is_not_called_a_damaged_file(tmp_path, monkeypatch):
    noise().save(tmp_path / "fine.png")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", Mock(side_effect=MemoryError))
    error = refused(tmp_path / "fine.png")
    assert "not enough memory" in error.what and "again" not in error.fix


def test_nan_pixels_are_refused(tmp_path):
    path = tmp_path / "nan.tif"
    Image.fromarray(np.array([[0.5, np.nan]], dtype=np.float32)).save(path)
    assert "finite" in refused(path).what


# What is damaged is decided by how it was made, and not by asking the code under test. Each is
# (name, content).

KINDS = {kind.lower(): (kind, {}) for kind in images.FORMATS} | {
    "progressive.jpg": ("JPEG", {"progressive": True}),
    "lzw.tif": ("TIFF", {"compression": "tiff_lzw"}),
}


def cut_off():
    """The last twentieth of a picture of noise is pixel data in every format."""
    for suffix, (kind, options) in KINDS.items():
        data = encoded(noise(), kind, **options)
        for size in (1, 10, *(int(len(data) * share) for share in (0.02, 0.2, 0.5, 0.8, 0.95))):
            yield f"{size}.{suffix}", data[:size]


def no_images():
    return {
        "data.png": b'{"error": "not found"}',
        "vector.png": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "program.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n",
        "paper.jpg": b"%PDF-1.7\n",
        "text.bmp": "\ufeffBM text".encode("utf-16"),
        "archive.png": make_zip(("a", b"b")),
        "pickle.jpg": b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.",
        "numpy.png": b"\x93NUMPY\x01\x00v\x00{'descr': '|u1'}",
        "signature.png": b"\x89PNG\r\n\x1a\n",
        "signature.jpg": b"\xff\xd8\xff\xe0",
        "ends.jpg": b"\xff\xd8\xff\xd9",
        "wide.png": png(64, 0),
        "high.png": png(0, 64),
        "short.png": png(64, 32, rows=bytes(100)),
        "plain.ppm": b"P3\n64 32\n255\n1 2 3\n",
        "words.ppm": b"P3\n2 1\n255\n1 2 3 four 5 6\n",
    }.items()


@pytest.mark.filterwarnings(r"ignore::Warning:PIL\.")  # as the course itself does
@pytest.mark.parametrize("made", [cut_off, no_images])
def test_damaged_files_are_refused(tmp_path, made):
    for name, data in made():
        path = tmp_path / name
        path.write_bytes(data)
        refused(path)


# --- modes

RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("16.png", RAMP),
        ("16.tif", RAMP),
        ("16.pgm", RAMP),
        ("32.tif", RAMP.astype(np.int32)),
        ("wide.tif", RAMP.astype(np.int32) * 30_000 - 1_000_000_000),
        ("float.tif", RAMP.astype(np.float32) / 65535),
        ("any.tif", RAMP.astype(np.float32) - 12_345),
    ],
)
def test_deep_grey_is_scaled_not_clipped(tmp_path, name, values):
    Image.fromarray(values).save(tmp_path / name)
    image = np.asarray(read_image(tmp_path / name))
    assert (image == image[..., :1]).all() and len(np.unique(image)) >= 250
    assert np.abs(image[..., 0] - RAMP / 257).max() <= 0.51


def test_golden_cmyk(tmp_path):
    cmyk = np.eye(6, 4, -1, np.uint8) * 255  # white, the four inks,
    cmyk[5] = 100, 50, 0, 55  # and a mixture
    rgb = [(255, 255, 255), (0, 255, 255), (255, 0, 255), (255, 255, 0), (0, 0, 0), (122, 161, 200)]
    path = tmp_path / "print.tif"
    Image.frombytes("CMYK", (6, 1), cmyk.tobytes()).save(path)
    assert np.abs(np.array(pixels(path)) - rgb).max() <= 1
    jpeg = tmp_path / "print.jpg"  # a CMYK JPEG is stored inverted
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(jpeg, quality=100)
    assert np.abs(np.array(pixels(jpeg)) - (255, 0, 0)).max() <= 3


def palette(colours, places):
    image = Image.new("P", (len(places), 1))
    image.putpalette(colours)
    image.putdata(places)
    return image


WHITE, RED, BLUE = (255, 255, 255), (255, 0, 0), (0, 0, 255)
THREE = palette([*RED, *BLUE, 0, 0, 0], [0, 1, 2])
GOLDEN = {  # an image, how it is saved, and the pixels that are read
    # a dark picture stays dark: the scale is the format's, not the picture's
    "16 bits.png": (
        Image.fromarray(np.array([[0, 257, 2570, 25700]], np.uint16)),
        {},
        [(v, v, v) for v in (0, 1, 10, 100)],
    ),
    "big endian.tif": (
        Image.frombytes("I;16B", (2, 1), struct.pack(">HH", 257, 51400)),
        {},
        [(1, 1, 1), (200, 200, 200)],
    ),
    "palette.png": (palette([10, 20, 30, *RED, *BLUE], [2, 0, 1]), {}, [BLUE, (10, 20, 30), RED]),
    "grey.png": (
        Image.frombytes("L", (3, 1), bytes([0, 77, 255])),
        {},
        [(0, 0, 0), (77, 77, 77), WHITE],
    ),
    "bits.png": (Image.fromarray(np.array([[True, False]])), {}, [WHITE, (0, 0, 0)]),
    # transparency is white, and its hidden colour gone
    "alpha.png": (
        Image.frombytes("RGBA", (3, 1), bytes([*RED, 0, *RED, 255, 0, 0, 0, 51])),
        {},
        [WHITE, RED, (204, 204, 204)],
    ),
    "grey and alpha.png": (
        Image.frombytes("LA", (2, 1), bytes([9, 0, 9, 255])),
        {},
        [WHITE, (9, 9, 9)],
    ),
    "one index.png": (THREE, {"transparency": 0}, [WHITE, BLUE, (0, 0, 0)]),
    "alpha by index.png": (
        THREE,
        {"transparency": bytes([255, 0, 51])},
        [RED, WHITE, (204, 204, 204)],
    ),
    "colour key.png": (
        Image.frombytes("RGB", (2, 1), bytes([*RED, 1, 2, 3])),
        {"transparency": RED},
        [WHITE, (1, 2, 3)],
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_pixels(tmp_path, name):
    image, options, wanted = GOLDEN[name]
    image.save(tmp_path / name, **options)
    assert pixels(tmp_path / name) == wanted


def test_a_grey_of_16_bits_may_be_transparent(tmp_path):
    key, rows = chunk(b"tRNS", struct.pack(">H", 1000)), struct.pack(">BHH", 0, 1000, 25700)
    (tmp_path / "a.png").write_bytes(png(2, 1, rows, depth=16, colour=0, extra=key))
    assert pixels(tmp_path / "a.png") == [WHITE, (100, 100, 100)]


# --- orientation


# by orientation: the Image.Transpose that turns what a viewer shows into what is stored
STORED = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation(tmp_path, kind, orientation):
    rows = [[250, 0, 0], [0, 250, 0], [0, 0, 250]], [[250, 250, 0], [0, 250, 250], [0, 0, 0]]
    upright = Image.fromarray(
        np.array(rows, np.uint8).repeat(16, 0).repeat(16, 1)
    )  # 32 rows, 48 columns
    stored = upright if orientation == 1 else upright.transpose(STORED[orientation])
    path = tmp_path / "photo"
    stored.save(path, kind, exif=turned(orientation), quality=95)
    image = read_image(path)
    assert image.size == image_size(path) == (48, 32)
    assert np.abs(np.asarray(image).astype(int) - np.asarray(upright))[8::16, 8::16].max() < 40


def test_turned_tiff_with_xmp_is_not_turned_twice(tmp_path):
    path, xmp = tmp_path / "scan.tif", b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
    noise(30, 20).save(path, tiffinfo={0x0112: 6, 700: xmp})
    assert "xmp" in Image.open(path).info
    assert image_size(path) == read_image(path).size == (20, 30)


# --- tensors


def test_tensor_and_back_is_exact_for_every_value():
    image = Image.fromarray(np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3))
    tensor = to_tensor(image, 16)
    assert tensor.shape == (3, 16, 16) and tensor.is_contiguous()
    assert tensor.min() == -1 and tensor.max() == 1
    assert np.array_equal(np.asarray(to_image(tensor)), np.asarray(image))
    assert torch.equal(to_bytes(tensor) / 127.5 - 1, tensor)


def test_to_image_clamps_and_rounds():
    values = torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0, 0.999]).expand(3, 1, 6).requires_grad_()
    assert np.asarray(to_image(values))[0, :, 0].tolist() == [0, 0, 128, 255, 255, 255]
    assert to_image(values.detach().bfloat16()).size == (6, 1)


# --- folders


def test_find_images_is_sorted_and_ignores_the_rest(tmp_path):
    wanted = ["10.png", "2.png", "B.JPG", "a b.jpeg", "a.Png", "Ä.webp", "😀.gif"]
    for name in [*reversed(wanted), ".hidden.png", "notes.txt", "Thumbs.db"]:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub.png").mkdir()
    assert [path.name for path in find_images(tmp_path)] == wanted


def test_pictures_that_cannot_be_read_are_named_once_with_what_to_do(tmp_path, notes):
    heic = [] if "HEIF" in images.FORMATS else ["a.HEIC", "b.heif"]
    names = [*heic, "c.CR2", "film.MP4", "old.psd"]
    silent = [".hidden.heic", "Thumbs.db", "desktop.ini", "Icon\r", "notes.txt", "a.AAE", "b.xmp"]
    for name in ["1.png", "2.jpg", *names, *silent]:
        (tmp_path / name).write_bytes(b"x")
    for _ in range(3):
        assert [path.name for path in find_images(tmp_path)] == ["1.png", "2.jpg"]
    (said,) = notes()
    assert all(name in said for name in names) and not any(name in said for name in silent)
    assert f"left out {len(names)} of {len(names) + 8} files" in said
    assert all(words in said for words in ("raw photo", "ffmpeg"))
    told = [said, *(refused(tmp_path / name).fix for name in heic)]
    assert not heic or all("pip install pillow-heif" in text for text in told)
    (tmp_path / "IMG_0001.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")  # as some telephones do
    assert ("pillow-heif" in refused(tmp_path / "IMG_0001.jpg").fix) == bool(heic)


def test_heic_is_read_where_its_package_is_installed(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    path, photo = tmp_path / "IMG_0001.HEIC", pictures.photograph(64, 48)
    heif.from_pillow(photo).save(path, quality=95, exif=turned(8).tobytes())
    assert find_images(tmp_path) == [path] and image_size(path) == (48, 64)
    upright = np.asarray(photo.transpose(STORED[6])).astype(int)
    assert np.abs(np.asarray(read_image(path)) - upright).mean() < 8


def test_flat_areas_have_no_specks_and_no_third_colour_between_two():
    """A soft edge of black and white passes through grey, which is in the palette."""
    picture = np.full((20, 20, 3), 250, np.uint8)
    picture[:, :9], picture[:, 9], picture[4, 15] = 5, 128, 10
    image, palette = Image.fromarray(picture), [(0, 0, 0), (128, 128, 128), (255, 255, 255)]
    sharp, flat = (np.asarray(flattened(image, palette, window))[..., 0] for window in (1, 5))
    assert sharp[4, 8:17].tolist() == [0, 128, 255, 255, 255, 255, 255, 0, 255]
    assert (flat == np.where(np.arange(20) < 10, 0, 255)).all()
    assert palette_of(image, 8, 3) == [(5, 5, 5), (128, 128, 128), (250, 250, 250)]
