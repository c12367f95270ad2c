"""Do filled areas have one colour each, and one that the artist would use? For flat drawings."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from course_lib.data.images import to_bytes
from course_lib.metrics.pixels import rgb_to_lab

LEAST = 60  # px of an area at 128 px, without its rim: smaller ones are not judged
ALIKE = 10.0  # Delta E (CIE 1976): colours closer than this are one
WHOLE = 0.9  # of an area that is filled with one colour
INK, PAPER = 40, 245  # of 255: a darker area is a line, a lighter one is paper


def filled_areas(y: Float[Tensor, "3 h w"]) -> Iterator[Bool[Tensor, "h w"]]:
    """The connected areas of one colour of a drawing in flat colours, neither ink nor paper.

    Without their rims of 1 px; those of LEAST px at 128 px, and so in proportion at other sizes.
    """
    colours = to_bytes(y).int()
    codes = (colours[0] * 256 + colours[1]) * 256 + colours[2]
    least = LEAST * (y.shape[-1] / 128) ** 2
    for code, count in zip(*codes.unique(return_counts=True), strict=True):
        one = codes == code
        red, green, blue = code.item() >> 16, code.item() >> 8 & 255, code.item() & 255
        if count < least or max(red, green, blue) < INK or min(red, green, blue) > PAPER:
            continue
        # every pixel begins as an area of its own, and takes the highest number beside it
        numbers = torch.arange(1, one.numel() + 1.0).view(one.shape) * one
        before = torch.zeros_like(numbers)
        while not torch.equal(numbers, before):
            before = numbers
            numbers = F.max_pool2d(numbers[None], 3, 1, 1)[0] * one
        for number in numbers.unique()[1:]:
            area = (numbers == number).float()[None]
            inner = 1 - F.max_pool2d(1 - area, 3, 1, 1)[0]
            if inner.sum() >= least:
                yield inner > 0


def committed_areas(
    fake: Float[Tensor, "n 3 h w"], y: Float[Tensor, "n 3 h w"]
) -> Float[Tensor, "n 2"]:
    """Of each true drawing in ``y``, how many filled areas ``fake`` commits itself in, and of how
    many; both in [-1, 1].

    An area counts if nine tenths of it lie within Delta E 10 of its median colour, and that within
    Delta E 10 of a colour with which one of the true drawings fills an area.
    """
    true, made, whole, owner = [], [], [], []
    for i, (drawing, lab, truth) in enumerate(zip(y, rgb_to_lab(fake), rgb_to_lab(y), strict=True)):
        for area in filled_areas(drawing):
            middle = lab[:, area].median(1).values
            away = (lab[:, area] - middle[:, None]).norm(dim=0)
            whole.append((away <= ALIKE).double().mean() >= WHOLE)
            made.append(middle)
            true.append(truth[:, area].median(1).values)
            owner.append(i)
    if not owner:
        return torch.zeros(len(y), 2, dtype=torch.double)
    of_artist = torch.cdist(torch.stack(made), torch.stack(true).unique(dim=0)).amin(1) <= ALIKE
    right = torch.stack(whole) & of_artist
    counted = torch.stack([right.double(), torch.ones(len(right), dtype=torch.double)], dim=1)
    return torch.zeros(len(y), 2, dtype=torch.double).index_add(0, torch.tensor(owner), counted)
