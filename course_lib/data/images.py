"""Reading images safely: out comes 8-bit RGB the right way up, or an error that names the file."""

import io
import os
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import ExifTags, Image, ImageFilter, ImageOps, PngImagePlugin, UnidentifiedImageError
from torch import Tensor

from course_lib.data.files import ARCHIVES, MARK, expanded, what_lies_at
from course_lib.errors import CourseError, ensure, note_once, telling

MAX_PIXELS = 64_000_000  # Pillow warns above 89 million and refuses above 179 million
# Told by content; no format that runs a program.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM")
SUFFIXES = [
    *(".png", ".jpg", ".jpeg", ".jfif", ".webp", ".avif"),
    *(".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"),
]
WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MISTAKEN = {  # for an image or a folder of images, and what to do
    "a folder": "give one of its images",
    "an archive": "unpack it, and give what was in it",
}
FILMS = (
    *(".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mts", ".wmv", ".3gp"),
)
# What else lies in folders of images, by suffix: what to do about it, and what needs no word.
ADVICE = {
    "save raw photographs as JPEG or TIFF, with the camera's program": (
        *(".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".dng", ".orf", ".raf", ".rw2", ".pef"),
        *(".srw", ".raw", ".3fr", ".iiq", ".x3f"),
    ),
    "translate films one by one, or take images out, as ffmpeg -i film.mp4 %04d.png does": FILMS,
    "unpack archives": ARCHIVES,
}
HEIC = (".heic", ".heif", ".hif")
try:  # the extra heic
    import pillow_heif

    pillow_heif.register_heif_opener()
    FORMATS, SUFFIXES = (*FORMATS, "HEIF"), [*SUFFIXES, *HEIC]
except ImportError:
    ADVICE["pip install pillow-heif (the course's extra heic), and HEIC is read"] = HEIC
IMAGES = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
NOTES = (
    *("", ".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".htm"),
    *(".yaml", ".yml", ".toml", ".ini", ".cfg", ".db", ".log", ".xmp", ".aae", ".thm", ".lrv"),
    *(".url", ".lnk", ".py", ".ipynb", ".sha256", ".md5"),
)
OTHER = {*NOTES[1:], *chain(*ADVICE.values())}  # suffixes that no image has
STILL = (".jpg", ".jpeg", ".jfif", ".bmp", ".ppm", ".pgm")  # have one frame
DEEP = 2000  # folders are looked into for images that lie elsewhere
# Pillow's remarks on a file that is refused a moment later, or is fine
warnings.filterwarnings("ignore", module=r"PIL\.")

Size = tuple[int, int]  # width, height
Colour = tuple[int, int, int]  # red, green, blue of 0 to 255


def printable(path: str | os.PathLike) -> str:
    """The path as text on one line: bytes that are not UTF-8 and control codes become ``\\xNN``."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda code: f"\\x{ord(code[0]):02x}", text)


def listed(names: Sequence[str | os.PathLike], most: int = 10) -> str:
    """The first names, printable, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more


def advice(paths: Iterable[Path]) -> list[str]:
    """What to do with files that the course cannot read, by their suffixes."""
    suffixes = {path.suffix.lower() for path in paths}
    return [text for text, kinds in ADVICE.items() if not suffixes.isdisjoint(kinds)]


def attempt(
    call: Callable[[Path], Any], paths: Iterable[Path]
) -> tuple[dict[Path, Any], dict[Path, CourseError]]:
    """What ``call`` makes of each file, four at a time, and the errors of those that it refuses."""

    def tried(path: Path) -> Any:
        try:
            return call(path)
        except CourseError as error:
            return error

    paths = list(paths)
    with ThreadPoolExecutor(4) as pool:
        made = dict(zip(paths, pool.map(tried, paths), strict=True))
    bad = {path: error for path, error in made.items() if isinstance(error, CourseError)}
    return {path: result for path, result in made.items() if path not in bad}, bad


def refusal(bad: dict[Path, CourseError], folder: Path) -> CourseError:
    """One error for all files of a folder that are refused."""
    paths = sorted(bad)
    errors = [bad[path] for path in paths]
    if not errors[1:]:
        return errors[0]
    names = listed([os.path.relpath(path, folder) for path in paths])
    return CourseError(
        f"{len(bad)} files cannot be used: {names}; the first: {errors[0].what}",
        printable(folder),
        "; ".join(dict.fromkeys(error.fix for error in errors)),
    )


def find_images(folder: str | os.PathLike) -> list[Path]:
    """The images in a folder, in the order of their names' code points.

    They are told by suffix, in capitals or not; a file that has none, or an unknown one, by its
    content. Hidden files are left out. Subfolders are not read, so a circle of links ends here. A
    link that is passed over is named in a note, and so are files that are neither images nor NOTES.
    Raises CourseError if the folder cannot be listed.
    """
    paths = [path for path in list_folder(folder) if not path.name.startswith(".")]
    note_dead_links(paths)
    paths = [path for path in paths if os.path.isfile(path)]
    kinds = {path: path.suffix.lower() for path in paths}
    images = [
        path
        for path, kind in kinds.items()
        if kind in SUFFIXES or (kind not in OTHER and is_image(path))
    ]
    others = [path for path in paths if path not in {*images} and kinds[path] not in NOTES]
    if others:
        fix = "; ".join(advice(others)) or "save them as PNG or JPEG"
        note_once(
            f"left out {len(others)} of {len(paths)} files in {printable(folder)}, which are not"
            f" read: {listed([path.name for path in others])}; {fix}"
        )
    return images


def is_image(path: Path) -> bool:
    """Whether a file is called as an image is, or begins as one whatever its name is."""
    if path.suffix.lower() in (*SUFFIXES, *HEIC):
        return True
    with suppress(CourseError), opened(path):
        return True
    return False


def stem_of(path: Path) -> str:
    """The name without the suffix of an image; other dots belong to it, as where it is a hash."""
    return path.stem if path.suffix.lower() in (*SUFFIXES, *HEIC) else path.name


def walked(folder: Path) -> Iterator[tuple[Path, list[str], list[Path]]]:
    """This folder and those below it, at most DEEP: each with its folders' names and its images.

    Images are told by suffix, and what is hidden is left out.
    """
    for place, folders, names in islice(os.walk(folder), DEEP):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n != "__MACOSX")
        paths = (Path(place, name) for name in sorted(names) if not name.startswith("."))
        yield Path(place), folders, [path for path in paths if path.suffix.lower() in SUFFIXES]


def folder_below(folder: Path, parts: Collection[str] = ()) -> Path | None:
    """The first folder below this one that holds images, or a folder called as one of ``parts``."""
    for place, folders, images in walked(folder):
        if place != folder and (images or not {*parts}.isdisjoint(folders)):
            return place
    return None


def note_left_out(folder: Path, taken: Collection[Path]) -> None:
    """Tell how many images in and below ``folder`` are not among those ``taken``."""
    out = [path for _, _, images in walked(folder) for path in images if path not in taken]
    if out:
        names = listed([os.path.relpath(path, folder) for path in out], 3)
        note_once(
            f"left out {len(out)} images in {printable(folder)}, which lie in folders that are not"
            f" read: {names}; {len(taken)} are taken"
        )


def format_of_frames(path: Path) -> str:
    """The format of an image file that has several frames, or pages, else "".

    The preview in a JPEG is no second one. Raises CourseError for a file that cannot be read.
    """
    with opened(path) as image:
        return image.format if getattr(image, "is_animated", False) else ""


def note_frames(paths: Iterable[Path], fix: str = "save those that you want as files") -> None:
    """Tell of which of these images only the first frame, or page, is taken."""
    able = [path for path in paths if path.suffix.lower() not in STILL]
    several = [path for path, has_more in attempt(format_of_frames, able)[0].items() if has_more]
    if several:
        note_once(
            f"took only the first frame, or page, of {len(several)} files that have more:"
            f" {listed(several, 3)}; {fix}"
        )


def list_folder(folder: str | os.PathLike) -> list[Path]:
    """All that lies in a folder, by name. Raises CourseError if it cannot be listed."""
    folder, where = expanded(folder), printable(expanded(folder))
    # Path.exists raises for what it may not look at
    what = "file" if folder.suffix.lower() in SUFFIXES else "folder"
    ensure(os.path.exists(folder), f"there is no such {what}", where, "check the path")
    if not os.path.isdir(folder):
        found = "one image" if folder.suffix.lower() in SUFFIXES else what_lies_at(folder)
        fix = MISTAKEN.get(found, "give the folder in which it lies")
        raise CourseError(f"this is {found}, and a folder of images is wanted", where, fix)
    with telling(
        OSError,
        "cannot list this folder",
        where,
        "check the path: a folder with images is expected",
    ):
        return sorted(folder.iterdir(), key=lambda path: path.name)


def note_dead_links(paths: Iterable[Path]) -> None:
    """Say which links are passed over."""
    dead = [path for path in paths if os.path.islink(path) and not os.path.isfile(path)]
    if dead:
        note_once(f"passed over links to folders, in circles or to nowhere: {listed(dead)}")


@contextmanager
def opened(path: str | os.PathLike) -> Iterator[Image.Image]:
    """The image with only its header read; every failure inside becomes a CourseError."""
    path = expanded(path)
    try:
        if not path.is_file():  # also keeps a named pipe from blocking
            raise FileNotFoundError("there is no such file")
        if not path.stat().st_size:
            raise ValueError("the file is empty")
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise CourseError(
            f"image refused before decoding, it is too large: {error}",
            printable(path),
            f"scale it down to at most {MAX_PIXELS // 10**6} million pixels, or remove it",
        ) from None
    except MemoryError:
        raise CourseError(
            "not enough memory to decode this image",
            printable(path),
            "close other programs, or scale the image down",
        ) from None
    except Exception as error:  # a damaged file can raise nearly anything in a decoder
        reason = " ".join(str(error).split()) or type(error).__name__
        fix = "fetch or save the file again, or remove it"
        if isinstance(error, UnidentifiedImageError):
            reason = f"its content is not {IMAGES}, whatever its name says"
            with open(path, "rb") as file:  # some telephones call it .jpg
                is_heic = file.read(11)[4:] == b"ftyphei"
            fix = "; ".join(advice([Path(f"a{HEIC[0]}") if is_heic else path])) or fix
        if (found := what_lies_at(path)) in MISTAKEN:
            reason, fix = f"it is {found}", MISTAKEN[found]
        raise CourseError(f"cannot read this image: {reason}", printable(path), fix) from None


def image_size(path: str | os.PathLike) -> Size:
    """(width, height) as shown, that is with the EXIF orientation applied, from the header alone.

    Raises CourseError for what is no image or has more than MAX_PIXELS; ``read_image`` finds
    damaged pixels.
    """
    with opened(path) as image:
        has_exif = image.format != "TIFF" and image.info.keys() & {"exif", "xmp"}
        # Pillow turns a TIFF by itself
        turned = has_exif and image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
        return image.size[::-1] if turned else image.size


def read_image(
    path: str | os.PathLike, keep_alpha: bool = False, keep_values: bool = False
) -> Image.Image:
    """Decode one image file completely into 8-bit RGB; of several frames, the first.

    EXIF orientation is applied; colour profiles are not. Transparency is composited on white; with
    ``keep_alpha`` it is a fourth channel then (RGBA), if there is any. Grey, 1-bit and palette
    images keep their colours. CMYK becomes R = (255 - C)(255 - K) / 255, and so on. Grey with more
    than 8 bits is scaled, not clipped: 16-bit by 255/65535, float in [0, 1] by 255, any other range
    from its own minimum and maximum. ``keep_values`` is for maps: palette images and grey ones stay
    as they are, those of more than 8 bits as whole numbers of 32. Raises CourseError, naming the
    file, if it is missing, empty, damaged, no image, or larger than MAX_PIXELS.
    """
    alpha = None
    with opened(path) as image:
        image.load()
        kind = image.format
        ImageOps.exif_transpose(image, in_place=True)
        if keep_values and image.mode[0] in "IFLP" and "A" not in image.mode:
            return image.convert("I") if image.mode[0] in "IF" else image
        if image.mode == "F" or image.mode.startswith("I"):
            image = _to_8_bits(image)
        if keep_alpha and image.has_transparency_data:
            alpha = image.convert("RGBA").getchannel("A")
        image = rgb(image)
    if kind == "PNG":
        with opened(path) as stored:
            stored.verify()  # its checksums: a decoder takes flipped bits for other colours
    if alpha:
        image.putalpha(alpha)
    return image


def rgb(image: Image.Image) -> Image.Image:
    """An image of 8 bits without its transparency, on white."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, 32 bits or float to 8 bits, as ``read_image`` states."""
    values = np.asarray(image).astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("some pixels are not finite numbers")
    top = 1 if image.mode == "F" else 65535
    if low >= 0 and high <= top:
        low, high = 0, top
    grey = ((values - low) * (255 / max(high - low, 1e-12))).round().astype(np.uint8)
    grey[values == image.info.get("transparency")] = 255  # PNG may name one grey as transparent
    return Image.fromarray(grey)


def to_tensor(image: Image.Image, size: int | Size) -> Float[Tensor, "3 h w"]:
    """An RGB image as floats in [-1, 1], resized to size x size (bicubic, antialiased).

    The aspect ratio is not kept, as in pix2pix: nothing is cropped away and pairs stay aligned.
    ``size`` may also be (width, height).
    """
    size = (size, size) if isinstance(size, int) else size
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous() / 127.5 - 1


def scaled(size: Size, factor: float) -> Size:
    """(width, height) times ``factor``, at least 1."""
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def ab_half(image: Image.Image, left: bool) -> Image.Image:
    """The ``left`` or right half of an A|B image, twice as wide as high; others as they are."""
    start, side = 0 if left else image.height, image.height
    return image.crop((start, 0, start + side, side)) if image.width == 2 * side else image


def to_bytes(tensor: Float[Tensor, "*batch 3 h w"]) -> Tensor:
    """[-1, 1] to uint8 in 0..255: clamped, rounded. ``bytes / 127.5 - 1`` gives the floats back."""
    return ((tensor.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def to_image(tensor: Float[Tensor, "3 h w"]) -> Image.Image:
    """The inverse of ``to_tensor`` but for its resizing: (3, h, w) in [-1, 1] to RGB, clamped."""
    return Image.fromarray(to_bytes(tensor).permute(1, 2, 0).cpu().numpy())


def to_png(picture: Any, level: int = 6) -> bytes:
    """The PNG file of an image, or of a figure of matplotlib; it says that it is the course's.

    An image of ``level`` 1 takes a quarter of the time, and a third more bytes.
    """
    file, note = io.BytesIO(), PngImagePlugin.PngInfo()
    note.add_text("Software", MARK)
    if isinstance(picture, Image.Image):
        picture.save(file, format="png", pnginfo=note, compress_level=level)
    else:
        picture.savefig(file, format="png", metadata={"Software": MARK})
    return file.getvalue()


def to_file(image: Image.Image, path: Path, quality: int = 95) -> bytes:
    """The file of an image in the format of the suffix of ``path``, one of WRITTEN; it says that it
    is the course's. PNG knows no ``quality``. Raises CourseError for what that format cannot hold.
    """
    kind, exif = WRITTEN[path.suffix.lower()], Image.Exif()
    if kind == "PNG":
        return to_png(image)
    exif[ExifTags.Base.Software] = MARK
    with telling(
        (OSError, ValueError),  # transparency, or more than 16,383 px in WebP
        f"this picture cannot be a {kind} file",
        printable(path),
        "give NAME.png",
    ):
        image.save(file := io.BytesIO(), kind, quality=quality, exif=exif)
    return file.getvalue()


def grey(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """The brightness that television shows in grey (BT.601), three times."""
    red, green, blue = images.split(1, dim=1)
    return (0.299 * red + 0.587 * green + 0.114 * blue).expand_as(images).contiguous()


def with_luminance(coloured: Image.Image, source: Image.Image) -> Image.Image:
    """The colours of ``coloured`` (Cb and Cr of BT.601) with the luminance of ``source``.

    As large as ``coloured``, and as transparent.
    """
    luminance = source.convert("RGB").convert("L").resize(coloured.size)
    colours = coloured.convert("RGB").convert("YCbCr").split()[1:]
    merged = Image.merge("YCbCr", (luminance, *colours)).convert("RGB")
    if "A" in coloured.getbands():
        merged.putalpha(coloured.getchannel("A"))
    return merged


def window_of(side: int) -> int:
    """The median's window for :func:`flattened`, in px: 5 for a picture of 128 px, 9 for 256."""
    return 2 * round(side / 64) + 1


def flattened(image: Image.Image, palette: Sequence[Colour], window: int) -> Image.Image:
    """An RGB image in the few colours of ``palette``, in flat areas, as one would paint it.

    Each pixel takes the colour that is nearest to it in RGB (Pillow compares to within 4 of 255),
    and then the one that most pixels in the ``window`` px (odd) around it have: small things go, as
    with a median, but no third colour comes to stand between two. All in whole numbers: the same
    bytes on every machine.
    """
    colours = Image.new("P", (1, 1))
    colours.putpalette([value for colour in palette for value in colour])
    nearest = np.asarray(image.quantize(palette=colours, dither=Image.Dither.NONE))
    before, after = window // 2 + 1, window // 2
    # outside of the image is none of the colours
    index = np.pad(nearest, (before, after), constant_values=255)
    is_each = index == np.arange(len(palette), dtype=np.uint8)[:, None, None]
    sums = is_each.cumsum(1, dtype=np.int32).cumsum(2, dtype=np.int32)
    rows = sums[:, window:] - sums[:, :-window]
    votes = rows[:, :, window:] - rows[:, :, :-window]
    return Image.fromarray(np.array(palette, np.uint8)[votes.argmax(0)])


def palette_of(image: Image.Image, count: int, window: int) -> list[Colour]:
    """At most ``count`` colours of an RGB image, from dark to light, to flatten it with.

    Median cut and k-means find them after a median of ``window`` px. An image of fewer colours
    gives fewer.
    """
    calm = image.filter(ImageFilter.MedianFilter(window))
    few = calm.quantize(count, Image.Quantize.MEDIANCUT, kmeans=3, dither=Image.Dither.NONE)
    colours = {colour for _, colour in few.convert("RGB").getcolors()}
    return sorted(colours, key=lambda c: (299 * c[0] + 587 * c[1] + 114 * c[2], c))


def in_palette(
    images: Float[Tensor, "n 3 h w"], palette: Sequence[Colour]
) -> Float[Tensor, "n 3 h w"]:
    """Images in [-1, 1], each :func:`flattened` as one of their size.

    One in these colours alone stays as it is, down to the finest line that was painted.
    """
    window = window_of(min(images.shape[-2:]))
    flat = [
        picture
        if flattened(picture, palette, 1) == picture
        else flattened(picture, palette, window)
        for picture in map(to_image, images)
    ]
    return torch.stack([to_tensor(image, image.size) for image in flat])
