"""Executed notebooks become the stored ones: ``python tools/store.py build/02_pix2pix.ipynb ...``.

Each goes to ``notebooks/`` under its own name, with its outputs; what ran at profile gpu goes to
``notebooks/gpu/``. Pictures are packed as tightly as PNG can, and photographs as JPEG.
"""

import base64
import io
import json
import sys
from pathlib import Path

import nbformat
from PIL import Image, ImageChops, ImageStat

from course_lib.data.files import replace_file

PHOTOGRAPH = {"format": "JPEG", "quality": 84, "progressive": True, "optimize": True}
SMALLER = 0.8  # of a PNG's bytes: then the picture is a photograph
# Of 255, the mean change by 256 colours that nobody sees: of drawings, and of what has hard edges.
UNSEEN = (0.3, 1.0)
UNSEEN_FEW = 0.1  # the same by 64 colours: of words and lines on white
UNSEEN_PATCH = 30  # the same of a patch of 8 px, so that no small thing loses its colour


def stored_form(path: Path) -> str:
    """The executed notebook at ``path`` as the course keeps it, numbered from 1."""
    notebook = nbformat.read(path, as_version=4)
    injected = "injected-parameters"
    notebook.cells = [c for c in notebook.cells if injected not in c.metadata.get("tags", [])]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
            if "image/png" in output.get("data", {}):
                kind, packed = _packed(output.data.pop("image/png"))
                output.data[kind] = packed
    for cell in notebook.cells:
        for noted in ("papermill", "execution"):
            cell.metadata.pop(noted, None)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    kept = {"kernelspec": kernel, "language_info": {"name": "python"}}
    kept |= {
        key: notebook.metadata[key] for key in ("widgets", "receipt") if key in notebook.metadata
    }
    notebook.metadata = nbformat.from_dict(kept)
    return nbformat.writes(notebook) + "\n"


def _packed(png: str) -> tuple[str, str]:
    """The picture in fewer bytes, and its kind. base64 in and out."""
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    if image.mode == "RGBA" and image.getextrema()[3] == (255, 255):  # opaque, as matplotlib's are
        image = image.convert("RGB")
    same = io.BytesIO()
    image.save(same, "PNG", optimize=True)
    if image.mode == "RGB":
        near = io.BytesIO()
        image.save(near, **PHOTOGRAPH)
        if near.tell() < SMALLER * same.tell():
            return "image/jpeg", base64.b64encode(near.getvalue()).decode()
        drawing = UNSEEN[near.tell() > same.tell()]
        for colours, limit in ((256, drawing), (64, UNSEEN_FEW)):
            few = image.quantize(colours, dither=Image.Dither.NONE)
            change = ImageChops.difference(image, few.convert("RGB"))
            patch = max(high for _, high in change.reduce(8).getextrema())
            if max(ImageStat.Stat(change).mean) < limit and patch < UNSEEN_PATCH:
                same = io.BytesIO()
                few.save(same, "PNG", optimize=True)
    return "image/png", min(base64.b64encode(same.getvalue()).decode(), png, key=len)


if __name__ == "__main__":
    for name in map(Path, sys.argv[1:]):
        text = stored_form(name)
        on_gpu = json.loads(text)["metadata"].get("receipt", {}).get("profile") == "gpu"
        folder = Path("notebooks", "gpu" * on_gpu)
        folder.mkdir(exist_ok=True)
        replace_file(folder / name.name, text.encode())
