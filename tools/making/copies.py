"""Samples of DCGANs that learned from 10, from 100 and from all fonts, and without DiffAugment.

``python -m tools.making.copies`` writes ``notebooks/pictures/dcgan_fonts.webp``: of each of three
seeds the rows of ``ROWS``, and in each row 26 samples of 64 px. It takes 35 minutes of one core.
"""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Subset

from course_lib import runs, training
from course_lib.data.letters import Letters
from course_lib.methods.dcgan import DCGAN

STEPS, SEEDS = 700, 3
# fonts, DiffAugment, rows of samples
ROWS = ((10, True, 6), (100, True, 6), (784, True, 6), (784, False, 1))
SETTINGS = ["base_channels=32", "d_base_channels=32", "batch_size=32", "lr=0.0002"]


def samples(seed: int, count: int, augment: bool, rows: int) -> Tensor:
    """Rows of samples, (64 * rows, 26 * 64), of a network that has learned from so many fonts.

    Ten of the hundred fonts are the ten.
    """
    torch.manual_seed(seed)
    fonts = torch.randperm(784, generator=torch.Generator().manual_seed(0))[:count].sort().values
    some = [26 * font + letter for font in fonts.tolist() for letter in range(26)]
    config = runs.make_config("dcgan", "cpu", 64, [*SETTINGS, f"diff_augment={augment}"])
    gan = DCGAN(config, bf16=True)
    letters = Subset(Letters("train"), some)
    training.fit(gan, letters, steps=STEPS, seed=seed, previews=0, progress=False)
    torch.manual_seed(1)
    tiles = torch.cat([gan.generate(26)[:, :1] for _ in range(rows)])
    return tiles.unflatten(0, (rows, 26)).permute(0, 3, 1, 4, 2).reshape(64 * rows, 26 * 64)


if __name__ == "__main__":
    sheet = torch.cat([samples(seed, *row) for seed in range(SEEDS) for row in ROWS])
    picture = Image.fromarray((sheet * 127.5 + 127.5).round().byte().numpy())
    picture.save(Path("notebooks/pictures/dcgan_fonts.webp"), quality=60, method=6)
