"""What is kept of a training to show how the network learned."""

import io

import pytest
import torch
from PIL import Image

from course_lib.data import open_dataset
from course_lib.runs import moments


@pytest.fixture
def kept(tmp_path):
    """Previews of 61 moments of 3 images: the output brightens from -1 to 1."""
    keep, x, y = (
        moments.keeper(tmp_path),
        torch.rand(3, 3, 16, 16) * 2 - 1,
        torch.ones(3, 3, 16, 16),
    )
    for moment in range(61):
        keep(10 * moment, {"x": x, "fake_y": torch.full_like(x, moment / 30 - 1), "y": y})
    return tmp_path, x


def test_a_kept_preview_gives_its_images_back(kept):
    folder, x = kept
    first, output, truth = moments.rows_of(folder / "00000300.png", 16)
    assert (
        torch.allclose(first, x, atol=1 / 127) and output.abs().max() < 1 / 127 and truth.min() == 1
    )


def test_strip_and_film_show_the_moments_in_order(kept):
    folder, _ = kept
    history = [{"step": step, "seconds": 6.0 * step} for step in range(1, 601)]
    strip = Image.open(io.BytesIO(moments.strip(folder, 16, history))).convert("L")
    column = [
        strip.getpixel((strip.width - 100, round((row + 0.5) * strip.height / 14)))
        for row in range(1, 14)
    ]
    assert column == sorted(column) and column[0] < 10 and column[-1] > 245
    with Image.open(io.BytesIO(moments.film(folder))) as film:
        assert film.n_frames == 61 and film.size == (3 * 18 - 2, 3 * 18 - 2)


def test_a_film_is_reduced_until_it_is_small_enough(tmp_path, monkeypatch):
    keep = moments.keeper(tmp_path)
    for moment in range(4):
        keep(moment, {"x": torch.rand(6, 3, 256, 256) * 2 - 1})
    best = len(moments.film(tmp_path))
    monkeypatch.setattr(moments, "FILM", best // 2)
    small = moments.film(tmp_path)
    assert len(small) <= best // 2 and Image.open(io.BytesIO(small)).width <= moments.WIDEST


def test_curves_have_sixty_parts():
    history = [{"step": step, "g_l1": 1.0 * step, "seconds": 0.5 * step} for step in range(1, 601)]
    history[-1]["val_l1"] = 0.25
    found = moments.curves(history)
    assert (
        found["step"][:2] == [10, 20]
        and found["g_l1"][:2] == [5.5, 15.5]
        and found["seconds"][-1] == 300
    )
    assert len(found["step"]) == 60 and found["val_l1"] == [0.25]


def test_eight_are_chosen_all_over_the_data_and_none_that_is_not_shown():
    data = open_dataset("emoji:edges", "test", 16)
    found = moments.chosen(data)
    assert len(found) == 8 and set(found) <= set(data.shown) and found[-1] > 0.8 * len(data)
    assert moments.chosen(torch.utils.data.TensorDataset(torch.zeros(5))) == [0, 1, 2, 3, 4]
