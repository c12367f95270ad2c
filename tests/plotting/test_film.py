"""A film has all its frames, goes round, stays small, and can be read aloud."""

import base64
import re

import pytest
import torch
from PIL import Image, ImageSequence

from course_lib.plotting.film import MOST, film


def test_all_frames_in_order_for_ever(tmp_path):
    frames = [torch.full((2, 3, 16, 16), value) for value in (-1.0, 0.0, 1.0)]
    page = film(frames, tmp_path / "new" / "a.gif", 'grey "discs"')
    with Image.open(tmp_path / "new" / "a.gif") as image:
        shown = [frame.convert("L").getpixel((8, 8)) for frame in ImageSequence.Iterator(image)]
        assert shown == pytest.approx([0, 128, 255], abs=1)
        assert image.info["loop"] == 0 and image.info["duration"] == 110 and image.size == (34, 16)
    stored = re.search(r"base64,([^\"]+)", page.data).group(1)
    assert base64.b64decode(stored) == (tmp_path / "new" / "a.gif").read_bytes()
    assert 'alt="grey &quot;discs&quot;"' in page.data and 'width="72"' in page.data


def test_a_film_is_reduced_until_it_is_small(tmp_path):
    generator = torch.Generator().manual_seed(0)
    frames = [torch.rand(2, 3, 128, 128, generator=generator) * 2 - 1 for _ in range(4)]
    film(frames, tmp_path / "a.gif", "noise")
    with Image.open(tmp_path / "a.gif") as image:
        assert image.size == (130, 64)
    assert (tmp_path / "a.gif").stat().st_size <= MOST
