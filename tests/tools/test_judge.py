"""tools/judge.py, without its weights: known answers of a network of random ones."""

import pytest
import torch

from course_lib import losses
from course_lib.data import open_dataset
from course_lib.networks.frozen import seeded
from tests.metrics.test_scores import Stub
from tools import judge

pytestmark = pytest.mark.extra


@pytest.fixture(autouse=True)
def random_weights(monkeypatch):
    net = seeded(judge.Lite1).eval().requires_grad_(False)
    monkeypatch.setattr(judge, "lite1", lambda: net)


def test_other_eyes_see_no_difference_where_there_is_none():
    data = open_dataset("photos:colour", "val", 32)
    truth = {data[i]["x"].sum().item(): data[i]["y"] for i in range(len(data))}
    right = Stub(lambda x: torch.stack([truth[one.sum().item()] for one in x]))
    found = judge.judged(right, "photos:colour", "val")
    assert found["distance_lite1"] == pytest.approx(0, abs=1e-6)
    assert found["kid_lite1"] == pytest.approx(0, abs=1e-6)
    assert found["chroma_ratio"] == pytest.approx(1)

    grey = judge.judged(Stub(lambda x: x), "photos:colour", "val")
    assert grey["kid_lite1_low"] <= grey["kid_lite1"] <= grey["kid_lite1_high"]
    assert grey["chroma_ratio"] < 0.01 and set(judge.SCORES) < set(grey)
    x, y = (torch.stack([data[i][key] for i in range(len(data))]) for key in ("x", "y"))
    distance = losses.perceptual(judge.lite1()(x), judge.lite1()(y)).item()
    assert grey["distance_lite1"] == pytest.approx(distance, rel=1e-4)
