"""Short films for the notebooks: animated GIFs, small enough to be stored with the page."""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from course_lib.data import files
from course_lib.plotting.figures import GAP, stitch

if TYPE_CHECKING:
    import IPython.display

MOST = 80_000  # bytes of a film; base64 makes 107 kB of them
MILLISECONDS = 110  # of a frame
SIZE = 64  # side of an image in a film, at most


def film(
    frames: Sequence[Float[Tensor, "n 3 h w"]], path: Path, alt: str
) -> "IPython.display.HTML":
    """Writes ``path``, a GIF that goes round for ever; returns it as HTML, at twice its size.

    Each frame is a row of n images in [-1, 1]; larger ones than 64 px are reduced. As many colours
    are kept, of 64, as leave the file below 80 kB (8 at least). ``alt`` describes it to who cannot
    see it. Its folder is made.
    """
    from IPython.display import HTML

    pictures = []
    for frame in frames:
        frame = F.interpolate(frame, (SIZE, SIZE), mode="area") if frame.shape[-1] > SIZE else frame
        pictures.append(Image.fromarray(stitch([frame])))
    for colours in (64, 32, 16, 8):
        first, *rest = (picture.quantize(colours, dither=Image.Dither.NONE) for picture in pictures)
        file = BytesIO()
        first.save(file, "gif", save_all=True, append_images=rest, duration=MILLISECONDS, loop=0)
        if file.tell() <= MOST:
            break
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace_file(path, file.getvalue())
    width = 2 * (pictures[0].width + GAP)
    source = f"data:image/gif;base64,{base64.b64encode(file.getvalue()).decode()}"
    return HTML(f'<img alt="{escape(alt)}" width="{width}" src="{source}">')
