"""Films of houses: the same frames everywhere, and a flow that tells where each pixel was."""

import hashlib

import numpy as np
import pytest
import torch

from course_lib.houses import films
from course_lib.metrics.films import warp
from tests.support.pictures import refused

FINGERPRINT = "19e8903baf0421b573d3bccdc8ff95db86bccb365606e9af140d2ceedfb3c214"


def test_the_same_films_on_every_machine():
    """SHA-256 over a short film of each kind: frames, nights, flow and mask."""
    sha = hashlib.sha256()
    for kind in films.FILMS:
        for array in films.film(kind, 48, 3, seed=1, speed=1.5):
            sha.update(np.ascontiguousarray(array).tobytes())
    assert sha.hexdigest() == FINGERPRINT
    assert "film" in refused(films.film, "run").what
    for wrong in ((16, 0), (16, 4, 0, -1)):
        assert "a film has a frame" in refused(films.film, "walk", *wrong).what


@pytest.mark.parametrize(
    ("kind", "speed", "share"), [("walk", 2, 0.01), ("walk", 1.5, 0.4), ("zoom", 1, 0.4)]
)
def test_the_frame_before_moved_along_the_flow_is_the_frame(kind, speed, share):
    """By whole pixels nearly exactly; parts of a pixel smooth it, and yet it fits far better."""
    made = films.film(kind, 64, 5, seed=2, speed=speed)
    place = np.arange(64, dtype=np.float32)
    for frames in (made.days, made.nights):
        moved, stood = [], []
        for t in range(1, 5):
            (dx, dy), known = made.flow[t], made.known[t]
            before = films._at(frames[t - 1].astype(np.float32), place + dx, place[:, None] + dy)
            moved.append(np.abs(before - frames[t])[known].mean())
            stood.append(np.abs(frames[t - 1].astype(float) - frames[t])[known].mean())
        assert np.mean(moved) < share * np.mean(stood)
    assert 0.9 < made.known[1:].mean() < 1 or kind == "zoom"
    assert not made.known[0].any() and not made.flow[0].any()


def test_a_walk_hides_and_uncovers_sky_and_says_where():
    """Houses pass at 4 px a frame, the sky at 1: what has come into view is not known."""
    made = films.film("walk", 64, 3, seed=2, speed=4)
    assert set(np.unique(made.flow[1:, 0])) == {1, 4} and not made.flow[:, 1].any()
    assert not made.known[2, :, -1].any()  # it came in from the right
    hidden = ~made.known[2, :, :-4]
    place = np.arange(64, dtype=np.float32)
    before = films._at(made.days[1].astype(np.float32), place + made.flow[2, 0], place[:, None])
    error = np.abs(before - made.days[2]).mean(-1)[:, :-4]
    assert error[hidden].mean() > 20 * error[~hidden].mean()


def test_a_warp_needs_no_size():
    line, move = torch.rand(2, 3, 1, 7), torch.zeros(2, 2, 1, 7)
    for still, nothing in ((line, move), (line.mT, move.mT)):
        assert torch.allclose(warp(still, nothing), still, atol=1e-5)


def test_a_day_passes_and_its_night_is_one():
    made = films.film("day", 64, 4, seed=2)
    assert made.known[1:].all() and not made.flow.any() and (made.nights == made.nights[0]).all()
    assert np.abs(made.days[0].astype(int) - made.days[3]).mean() > 5
