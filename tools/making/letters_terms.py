"""MUNIT on letters, without each term of its loss, and UNIT: the alphabets of notebook 09.

    python -m tools.making.letters_terms RUNS [ROW ...]

trains each of ROWS on ``letters:many`` with the seeds 0 to 2 (some five minutes of a core each)
into RUNS, a folder outside the tree, and writes ROW.webp into ``notebooks/sweeps/munit``: a row a
font, A to Z, 32 px each. Of each seed there are the alphabets of 16 test families, each in the
style that the network reads in the letter R of the family's first font, then 8 alphabets of random
styles, the same for all networks. UNIT has no styles: its 24 are alike. A run that was stopped goes
on.
"""

import sys
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from course_lib.data import open_dataset
from course_lib.data.images import to_bytes
from course_lib.data.letters import LETTERS
from course_lib.runs import make_config, train
from course_lib.runs.folder import open_run

SHEETS = Path(__file__).parents[2] / "notebooks" / "sweeps" / "munit"
SEEDS, STEPS, FONTS, RANDOM = 3, 2000, 16, 8
SETTINGS = ["batch_size=4"]
ROWS = {
    "MUNIT": [],
    "no image term": ["lambda_image=0"],
    "no content term": ["lambda_content=0"],
    "no style term": ["lambda_style=0"],
    "no GAN term": ["lambda_gan=0"],
    "UNIT": [],
}


@torch.no_grad()
def alphabets(run: Path) -> Tensor:
    """(FONTS + RANDOM, 26, 3, 32, 32) in [-1, 1]."""
    method, _ = open_run(run, "cpu")
    test = open_dataset("letters:many", "test", 32)
    plain = torch.stack([test[i]["x"] for i in range(26)])
    families = [test.groups[i] for i in range(0, len(test), 26)]
    firsts = sorted({family: i for i, family in reversed([*enumerate(families)])}.values())
    fonts = [firsts[i * len(firsts) // FONTS] for i in range(FONTS)]
    examples = torch.stack([test[26 * font + LETTERS.index("R")]["y"] for font in fonts])
    styles = [None] * (FONTS + RANDOM)
    if method.reads_codes:
        drawn = torch.randn(
            RANDOM, method.config.style_dim, generator=torch.Generator().manual_seed(0)
        )
        styles = [*torch.cat([method.encode(examples), drawn]).split(1)]
    return torch.stack([method.translate(plain, style)["fake_y"] for style in styles])


def main() -> None:
    torch.set_num_threads(1)
    runs, *names = sys.argv[1:]
    SHEETS.mkdir(exist_ok=True)
    sheets: dict[str, list[Tensor]] = {name: [] for name in names or ROWS}
    for seed in range(SEEDS):
        for name, sheet in sheets.items():
            run = Path(runs) / f"{name.replace(' ', '-')}-{seed}"
            method = "unit" if name == "UNIT" else "munit"
            config = make_config(method, "cpu", 32, [*SETTINGS, *ROWS[name]])
            train(method, "letters:many", run, config, steps=STEPS, seed=seed, resume=True)
            sheet += [torch.cat([*row], dim=2).mean(0) for row in alphabets(run)]
            image = Image.fromarray(to_bytes(torch.cat(sheet)).numpy())
            image.save(SHEETS / f"{name.replace(' ', '-')}.webp", quality=60, method=6)


if __name__ == "__main__":
    main()
