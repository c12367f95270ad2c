"""What is kept of a training as pictures, read again, and a rule for what to show of a data set."""

from pathlib import Path

from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from course_lib.data import View
from course_lib.data.images import to_tensor
from course_lib.plotting.figures import GAP


def chosen(data: Dataset) -> list[int]:
    """Eight items, evenly spread over those that may be shown: by a rule, not by hand."""
    shown = View(data).presentable
    return list(shown[:: max(1, len(shown) // 8)][:8])


def rows_of(path: Path, size: int) -> list[Tensor]:
    """The rows of a kept preview with images of ``size`` px, each (n, 3, size, size)."""
    picture = Image.open(path).convert("RGB")
    tiles = to_tensor(picture, picture.size).unfold(1, size, size + GAP).unfold(2, size, size + GAP)
    return list(tiles.permute(1, 2, 0, 3, 4))  # from (3, rows, n, size, size)
