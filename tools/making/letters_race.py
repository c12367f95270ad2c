"""Six methods for one task, five times each: the alphabets that notebooks 06 and 07 compare.

    python -m tools.making.letters_race RUNS [VARIANT ...]

trains each variant of BicycleGAN on ``letters:many`` with the seeds 0 to 4 (some two minutes of a
core each) into RUNS, a folder outside the tree, and writes VARIANT.webp into
``notebooks/sweeps/letters``: a row a font, A to Z, 32 px each. Of each seed there are 16 fonts of
random codes, the same for all methods, then 8 for the codes that E reads in the letter R of the
first font of eight test families (white paper, if there is no E). A run that was stopped goes on.
"""

import sys
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from course_lib.data import open_dataset
from course_lib.data.images import to_bytes
from course_lib.data.letters import LETTERS
from course_lib.methods.bicyclegan import VARIANTS
from course_lib.runs import make_config, train
from course_lib.runs.folder import open_run

SHEETS = Path(__file__).parents[2] / "notebooks" / "sweeps" / "letters"
SEEDS, STEPS, RANDOM, READ = 5, 3000, 16, 8
SETTINGS = [
    *("base_channels=16", "levels=4", "e_base_channels=8", "d_base_channels=12", "d_layers=2"),
    *("d_scales=1", "batch_size=8", "lr=0.001", "lambda_l1=10", "lambda_kl=0.01"),
]


@torch.no_grad()
def alphabets(run: Path) -> Tensor:
    """(RANDOM + READ, 26, 3, 32, 32) in [-1, 1]."""
    method, _ = open_run(run, "cpu")
    held_out = open_dataset("letters:many", "test", 32)
    plain = torch.stack([held_out[i]["x"] for i in range(26)])
    codes = torch.randn(RANDOM, method.config.z_dim, generator=torch.Generator().manual_seed(0))
    if method.reads_codes:
        families = [held_out.groups[i] for i in range(0, len(held_out), 26)]
        firsts = sorted({family: i for i, family in reversed([*enumerate(families)])}.values())
        fonts = [26 * firsts[i * len(firsts) // READ] + LETTERS.index("R") for i in range(READ)]
        codes = torch.cat([codes, method.encode(torch.stack([held_out[i]["y"] for i in fonts]))])
    made = [method.translate(plain, code.expand(26, -1))["fake_y"] for code in codes]
    blank = [torch.ones_like(plain)] * (RANDOM + READ - len(made))
    return torch.stack(made + blank)


def main() -> None:
    torch.set_num_threads(1)
    runs, *names = sys.argv[1:]
    SHEETS.mkdir(exist_ok=True)
    sheets: dict[str, list[Tensor]] = {name: [] for name in names or VARIANTS}
    for seed in range(SEEDS):
        for name, sheet in sheets.items():
            run = Path(runs) / f"{name}-{seed}"
            config = make_config("bicyclegan", "cpu", 32, [*SETTINGS, f"variant={name}"])
            train("bicyclegan", "letters:many", run, config, steps=STEPS, seed=seed, resume=True)
            sheet += [torch.cat([*row], dim=2).mean(0) for row in alphabets(run)]
            image = Image.fromarray(to_bytes(torch.cat(sheet)).numpy())
            image.save(SHEETS / f"{name}.webp", quality=80, method=6)


if __name__ == "__main__":
    main()
