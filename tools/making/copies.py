"""Samples of DCGANs that learned from 10 and from 100 fonts, and of one without DiffAugment.

``python -m tools.making.copies`` writes ``notebooks/pictures/dcgan_fonts.webp``, rows of 26 samples
of 64 px: 20 rows, 20 rows and one. It takes two minutes of one core.
"""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Subset

from course_lib import runs, training
from course_lib.data.letters import Letters
from course_lib.methods.dcgan import DCGAN

STEPS = 600
ROWS = ((10, True, 20), (100, True, 20), (784, False, 1))  # fonts, DiffAugment, rows of samples
SETTINGS = ["base_channels=16", "d_base_channels=16", "batch_size=16"]


def samples(count: int, augment: bool, rows: int) -> Tensor:
    """Rows of samples, (64 * rows, 26 * 64), of a network that has learned from so many fonts.

    Ten of the hundred fonts are the ten.
    """
    torch.manual_seed(0)
    fonts = torch.randperm(784, generator=torch.Generator().manual_seed(0))[:count].sort().values
    some = [26 * font + letter for font in fonts.tolist() for letter in range(26)]
    config = runs.make_config("dcgan", "cpu", 64, [*SETTINGS, f"diff_augment={augment}"])
    gan = DCGAN(config, bf16=True)
    training.fit(gan, Subset(Letters("train"), some), steps=STEPS, previews=0, progress=False)
    torch.manual_seed(1)
    tiles = torch.cat([gan.generate(26)[:, :1] for _ in range(rows)])
    return tiles.unflatten(0, (rows, 26)).permute(0, 3, 1, 4, 2).reshape(64 * rows, 26 * 64)


if __name__ == "__main__":
    sheet = torch.cat([samples(*row) for row in ROWS]) * 127.5 + 127.5
    picture = Image.fromarray(sheet.round().byte().numpy())
    picture.save(Path("notebooks/pictures/dcgan_fonts.webp"), quality=60, method=6)
