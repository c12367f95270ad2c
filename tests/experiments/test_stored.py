"""Stored sweeps as notebooks show them."""

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.experiments import claims, stored, sweep
from course_lib.metrics import intervals
from tests import ROOT

SWEEPS = ROOT / "notebooks/sweeps"


def test_a_table_has_means_and_intervals(tmp_path):
    text = stored.compare(
        SWEEPS / "pix2pix.csv",
        ["L1", "L1+cGAN"],
        {"l1": "L1", "fcn_iou / sharpness_ratio": "share"},
    )
    head, first, second = text.splitlines()
    assert (
        head.split() == ["L1", "share"]
        and first.startswith("L1  ")
        and second.startswith("L1+cGAN  ")
    )
    cells = [cell for cell in sweep.table(SWEEPS / "pix2pix.csv") if cell["row"] == "L1+cGAN"]
    for score, shown in (
        ("l1", second.split()[1:3]),
        ("fcn_iou / sharpness_ratio", second.split()[3:]),
    ):
        mean, _, high, _ = intervals.interval([claims.measure(score, cell) for cell in cells])
        assert shown == [f"{mean:.3f}", f"±{high - mean:.3f}"]
    for row, score, said in (("L2", "l1", "no row is called 'L2'"), ("L1", "l2", "no score 'l2'")):
        with pytest.raises(CourseError, match=rf"{said}(?s:.*)where: .*pix2pix.csv\n.*choose from"):
            stored.compare(SWEEPS / "pix2pix.csv", [row], {score: "L1"})
    (tmp_path / "mine.csv").write_text("row,seed,l1,steps\nG: deep,0,0.5,9\n")
    assert stored.compare(tmp_path / "mine.csv", ["G: deep"], {"l1": "L1"}).endswith(" 0.500")
    with pytest.raises(CourseError):
        stored.strip(SWEEPS / "pix2pix.csv", "L2")


@pytest.mark.parametrize(
    ("name", "row", "count", "side"),
    [("emoji", "pairs", 3, 32), ("cut", "CUT", 3, 64)],
)
def test_a_strip_comes_apart_into_its_pictures(name, row, count, side):
    found = stored.strip(SWEEPS / f"{name}.csv", row)
    assert len(found) == count and {images.shape for images in found} == {
        torch.Size([8, 3, side, side])
    }
    assert all(-1 <= images.min() < images.max() <= 1 for images in found)
    assert not torch.equal(found[0], found[1])
