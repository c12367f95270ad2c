"""A picture with what photographs have, made without one: shading, shapes with edges, texture."""

import numpy as np
from PIL import Image, ImageDraw


def photograph(width: int, height: int, seed: int = 0) -> Image.Image:
    """RGB, of any size; equal seeds give equal pictures."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[:height, :width] / max(width, height, 2)
    sky = np.stack([120 + 100 * down, 160 + 60 * across, 230 - 80 * down], -1)
    image = Image.fromarray((sky + rng.normal(0, 6, sky.shape)).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for colour in ((200, 60, 40), (250, 220, 60), (40, 120, 60)):
        x, y, r = rng.random(3) * (width, height, 0.3 * min(width, height))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour, outline=(20, 20, 20))
    return image
