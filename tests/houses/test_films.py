"""Films of houses: the same frames everywhere, and a flow that tells where each pixel was."""

import hashlib

import numpy as np
import pytest
import torch

from course_lib.houses import films
from course_lib.metrics.films import warp
from tests.support.pictures import refused

FINGERPRINT = "f68d075687d35334a240f409f0f25847a9cc69745bd0fa23e34759f38cdfb4fe"


def test_the_same_films_on_every_machine():
    """SHA-256 over a short film: frames, nights, flow and mask."""
    sha = hashlib.sha256()
    for array in films.film(48, 3, seed=1, speed=1.5):
        sha.update(np.ascontiguousarray(array).tobytes())
    assert sha.hexdigest() == FINGERPRINT
    for wrong in ((16, 0), (16, 4, 0, -1)):
        assert "a film has a frame" in refused(films.film, *wrong).what


@pytest.mark.parametrize(("speed", "share"), [(2, 0.01), (1.5, 0.4)])
def test_the_frame_before_moved_along_the_flow_is_the_frame(speed, share):
    """By whole pixels nearly exactly; parts of a pixel smooth it, and yet it fits far better."""
    made = films.film(64, 5, seed=2, speed=speed)
    place = np.arange(64, dtype=np.float32)
    for frames in (made.days, made.nights):
        moved, stood = [], []
        for t in range(1, 5):
            (dx, dy), known = made.flow[t], made.known[t]
            before = films._at(frames[t - 1].astype(np.float32), place + dx, place[:, None] + dy)
            moved.append(np.abs(before - frames[t])[known].mean())
            stood.append(np.abs(frames[t - 1].astype(float) - frames[t])[known].mean())
        assert np.mean(moved) < share * np.mean(stood)
    assert 0.9 < made.known[1:].mean() < 1
    assert not made.known[0].any() and not made.flow[0].any()


def test_a_warp_needs_no_size():
    line, move = torch.rand(2, 3, 1, 7), torch.zeros(2, 2, 1, 7)
    for still, nothing in ((line, move), (line.mT, move.mT)):
        assert torch.allclose(warp(still, nothing), still, atol=1e-5)
