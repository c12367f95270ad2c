"""Pictures in widgets: as HTML, since the widget Image has no text for those who cannot see it."""

import base64
from html import escape
from io import BytesIO

from PIL import Image


def data_url(picture: Image.Image) -> str:
    """A picture as an address that holds it, as a PNG file."""
    picture.save(file := BytesIO(), "png")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def image_tag(picture: Image.Image, alt: str, width: int | None = None) -> str:
    """What a widget HTML shows as ``picture``, ``width`` screen pixels wide but never wider than its place.

    Enlarged, it keeps its pixels. ``alt`` says what is to be seen. Its shape, width by height, is for style sheets.
    """
    style = f"--shape: {picture.width / picture.height:.3f}; max-width: 100%"
    style += f"; width: {width}px; image-rendering: pixelated" if width else ""
    return f'<img alt="{escape(alt, quote=True)}" style="{style}" src="{data_url(picture)}">'
