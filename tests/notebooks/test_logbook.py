"""The guide's recipe for TensorBoard, as it stands there."""

import re

import pytest

from course_lib import runs
from tests import ROOT
from tests.support.killing import write_pairs

PAGE = (ROOT / "notebooks/guide/own_images.md").read_text(encoding="utf-8")


def test_tensorboard_shows_the_history_and_the_previews(tmp_path, monkeypatch):
    reason = "tensorboard, of the extra logbook, is not installed"
    events = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason=reason
    )
    monkeypatch.chdir(tmp_path)
    config = runs.make_config("pix2pix", "smoke", 16, ["d_layers=1"])
    data, out = str(write_pairs(tmp_path / "data")), tmp_path / "runs" / "mine"
    history = runs.train("pix2pix", data, out, config, steps=3, progress=False).history
    (code,) = (
        text for text in re.findall(r"```python\n(.*?)```", PAGE, re.S) if "SummaryWriter" in text
    )
    exec(compile(code, "logbook", "exec"), {})
    book = events.EventAccumulator(str(tmp_path / "logbook" / "mine"))
    book.Reload()
    shown = [event.value for event in book.Scalars("g_l1")]
    assert shown == pytest.approx([row["g_l1"] for row in history]) and book.Scalars("val_l1")
    assert [event.step for event in book.Images("previews")] == [0, 1, 2, 3]
