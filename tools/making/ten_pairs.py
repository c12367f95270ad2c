"""What the page that trains would learn from ten drawings: ``python -m tools.making.ten_pairs``.

The settings of its minute, 900 steps of preset ``tab``, on ten outlines and their emoji, each
warped as the photograph is; the picture that the page shows has drawing, network and truth in rows,
first three pairs that it has seen and then five that it hasn't.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image

from course_lib.data import open_dataset, spread
from course_lib.data.images import to_image
from course_lib.demo import page
from course_lib.methods.pix2pix import PRESETS, Config, Pix2Pix
from course_lib.networks.hardware import seeded

STEPS, SEEN, NEW, SIDE = 900, 3, 5, 96
with seeded(0, torch.device("cpu")):
    method = Pix2Pix(Config(**PRESETS["tab"]))
    size = method.config.image_size
    train, test = (open_dataset("openmoji:lines", split, size) for split in ("train", "test"))
    pairs = spread(train, 10)
    warps = open_dataset(page.PHOTOGRAPH, "train", size)
    for step in range(STEPS):
        pair, grid = pairs[step % 10], warps.warp(step % len(warps))
        warps.set_epoch(step // len(warps))
        how = {"padding_mode": "border", "align_corners": False}
        method.step({side: F.grid_sample(pair[side][None], grid, **how) for side in "xy"})
shown = [*pairs[:SEEN], *spread(test, NEW)]
x, y = (torch.stack([item[side] for item in shown]) for side in "xy")
rows = [F.interpolate(part, SIDE, mode="area") for part in (x, method.translate(x)["fake_y"], y)]
picture = Image.new("RGB", (SIDE * len(shown) + 8, 3 * SIDE), "white")
for i, row in enumerate(rows):
    for k, image in enumerate(row):
        picture.paste(to_image(image), (k * SIDE + 8 * (k >= SEEN), i * SIDE))
picture.save(Path(page.__file__).parent / "static" / "ten_pairs.webp", quality=75, method=6)
