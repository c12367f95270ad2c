"""The game on a line of notebook 01: known divergences, and a slider that shows what it says."""

import math

import numpy as np
import pytest

from course_lib.widgets.divergence import FURTHEST, X, bell, js_divergence, picture, slider

STEP = X[1] - X[0]


def test_divergence_of_equal_and_of_separate_densities():
    assert bell(3.0).sum() * STEP == pytest.approx(1, abs=1e-6)
    assert js_divergence(bell(1.0), bell(1.0), STEP) == 0
    left, right = (np.where((start < X) & (start + 1 > X), 1.0, 0.0) for start in (0, 3))
    assert js_divergence(left / left.sum(), right / right.sum(), 1.0) == pytest.approx(math.log(2))
    every = [js_divergence(bell(0.0), bell(mean), STEP) for mean in (0.5, 1, 2, 4, FURTHEST)]
    assert every == sorted(every) and 0.69 < every[-1] < math.log(2)
    assert js_divergence(bell(0.0), bell(2.0), STEP) == pytest.approx(
        js_divergence(bell(2.0), bell(0.0), STEP)
    )


def test_best_discriminator_is_drawn():
    """Half-way between the bells D* is 1/2; far on the data's side it is 1."""
    panel = picture([0.0, 4.0]).axes[1]
    best = {line.get_label(): line.get_ydata() for line in panel.get_lines()}["D*"]
    assert np.interp(2.0, X, best) == pytest.approx(0.5, abs=1e-3) and best[0] > 0.999


@pytest.mark.slow
def test_slider_redraws():
    box = slider(mean=1.0)
    before = box.children[1].value
    box.children[0].value = 5.0
    assert before.startswith("<img alt=") and before != box.children[1].value
