"""Samples for notebook 01b: a DCGAN of ten fonts, and DCGANs of all with DiffAugment and without.

``python -m tools.making.copies`` writes ``notebooks/pictures/dcgan_fonts.webp``, in rows of 26
samples of 64 px: twenty of the network of ten fonts, which trains as long as ``letters`` of
``recipes.toml``, and of each of three seeds one with DiffAugment and one without. It takes 90
minutes of one core.
"""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Subset

from course_lib import runs, training
from course_lib.data.letters import Letters
from course_lib.methods.dcgan import DCGAN

SETTINGS = ["base_channels=32", "d_base_channels=32", "batch_size=32", "lr=0.0002"]


def samples(seed: int, count: int, augment: bool, steps: int, rows: int) -> Tensor:
    """Rows of samples, (64 * rows, 26 * 64), of a network that has learned from so many fonts."""
    torch.manual_seed(seed)
    fonts = torch.randperm(784, generator=torch.Generator().manual_seed(0))[:count].sort().values
    some = [26 * font + letter for font in fonts.tolist() for letter in range(26)]
    config = runs.make_config("dcgan", "cpu", 64, [*SETTINGS, f"diff_augment={augment}"])
    gan = DCGAN(config, bf16=True)
    letters = Subset(Letters("train"), some)
    training.fit(gan, letters, steps=steps, seed=seed, previews=0, progress=False)
    torch.manual_seed(1)
    tiles = torch.cat([gan.generate(26)[:, :1] for _ in range(rows)])
    return tiles.unflatten(0, (rows, 26)).permute(0, 3, 1, 4, 2).reshape(64 * rows, 26 * 64)


if __name__ == "__main__":
    short = [samples(seed, 784, augment, 700, 1) for seed in range(3) for augment in (True, False)]
    sheet = torch.cat([samples(0, 10, True, 14_000, 20), *short])
    picture = Image.fromarray((sheet * 127.5 + 127.5).round().byte().numpy())
    picture.save(Path("notebooks/pictures/dcgan_fonts.webp"), quality=60, method=6)
