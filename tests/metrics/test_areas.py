"""Areas of one colour in flat drawings, by hand."""

import pytest
import torch

from course_lib.metrics.areas import committed_areas, filled_areas

RED, BLUE, TEAL = (0.8, -0.6, -0.6), (-0.6, -0.6, 0.8), (-0.4, 0.4, 0.4)


def drawing(left: tuple, right: tuple, size: int = 64) -> torch.Tensor:
    """Paper with two filled squares, and black lines around them."""
    image = torch.ones(3, size, size)
    for colour, x in ((left, 4), (right, 36)):
        image[:, 8:34, x - 2 : x + 26] = -1
        image[:, 10:32, x : x + 24] = torch.tensor(colour)[:, None, None]
    return image


def test_areas_are_connected_and_neither_ink_nor_paper():
    areas = list(filled_areas(drawing(RED, RED)))
    assert len(areas) == 2 and all(area.sum() == 20 * 22 for area in areas)
    assert not list(filled_areas(torch.ones(3, 32, 32)))


@pytest.mark.parametrize(
    "left, spoil, right",
    [
        (RED, 0.0, 2),
        # another of the artist's colours is as good
        (BLUE, 0.0, 2),
        (TEAL, 0.0, 1),
        (RED, 0.6, 1),
    ],
)
def test_an_area_counts_if_it_has_one_colour_and_one_of_the_artists(left, spoil, right):
    true, made = drawing(RED, BLUE), drawing(left, BLUE)
    # a quarter of the left one is another colour
    made[0, 10:32, 4:10] -= spoil
    assert committed_areas(made[None], true[None]).tolist() == [[right, 2]]
    assert committed_areas(true[None], torch.ones(1, 3, 64, 64)).tolist() == [[0, 0]]
