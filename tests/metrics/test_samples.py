"""All scores of samples together: planted generators measured as what they are."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Subset

from course_lib.data import facades, open_dataset, opened_for
from course_lib.methods.base import Method, TrainingConfig
from course_lib.metrics import samples
from tests.support.small import untrained
from tests.support.tensors import normal


@pytest.fixture(scope="module")
def houses():
    """(16, 8, 3, 32, 32): houses of test, each once in every colour of wall."""
    return facades.photographs("test", 32, range(16), "planted", 8)[0].unflatten(0, (16, 8))


# ---- all of it


class Planted(Method):
    """Paints test houses in ``walls`` colours, chosen by z; ``walls`` 0 ignores z."""

    has_codes = reads_codes = True

    def __init__(self, photos, walls):
        super().__init__(SimpleNamespace(image_size=32, load="square"))
        self.photos, self.walls = photos, walls
        self.x = torch.stack([facades.Facades("test", 32)[i]["x"] for i in range(len(photos))])

    def noise(self, n, seed):
        return normal(n, 2, seed=seed)

    def translate(self, x, z):
        house = torch.stack([(self.x == image).flatten(1).all(1).nonzero()[0, 0] for image in x])
        u = (1 + torch.erf(z.expand(len(x), -1)[:, 0] / 2**0.5)) / 2
        wall = (u * self.walls).long().clamp(max=max(self.walls - 1, 0))
        return {"fake_y": self.photos[house, wall]}

    def encode(self, y):
        return y.mean((2, 3))


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setitem(facades.HOUSES, "test", 16)
    for name, value in {"INPUTS": 12, "SAMPLES": 8}.items():
        monkeypatch.setattr(samples, name, value)

    def opened(*named, **more):
        subset = Subset(whole := opened_for(*named, **more), range(16))
        subset.eyes, subset.paired = whole.eyes, whole.paired
        return subset

    monkeypatch.setattr(samples, "opened_for", opened)


@pytest.mark.parametrize("walls", [0, 3, 8])
def test_a_planted_generator_is_measured_as_what_it_is(houses, few, walls):
    state = torch.random.get_rng_state()
    found = samples.score_samples(Planted(houses, walls), "facades")
    assert torch.equal(state, torch.random.get_rng_state())
    assert all(isinstance(value, float) for value in found.values())
    if walls < 2:
        assert found["diversity_features"] == found["diversity_l1"] == 0.0
    else:
        assert 0.1 < found["diversity_features"] < 0.8


@pytest.mark.slow
def test_a_planted_generator_is_right_or_wrong_in_one_thing(houses, few):
    true, again = (samples.score_samples(Planted(houses, 8), "facades") for _ in range(2))
    assert true == again
    blurred = F.avg_pool2d(houses.flatten(0, 1), 3, 1, 1).view_as(houses)
    soft = samples.score_samples(Planted(blurred, 8), "facades")
    assert soft["frechet_features"] > 2 * true["frechet_features"]


@pytest.mark.slow
def test_real_methods_and_other_data(few, monkeypatch):
    small = "base_channels=4", "e_base_channels=4", "d_base_channels=4"
    method = untrained("bicyclegan", None, *small)
    found = samples.score_samples(method, "emoji:edges", "val")
    assert set(found) == {
        *("diversity_features", "diversity_l1", "nearest_l1"),
        *("frechet_features", "kid_features", "encoded_l1"),
    }
    more = samples.score_samples(method, "emoji:edges", "val", intervals=True)
    assert {name: more[name] for name in found} == found
    bounded = {
        "diversity_features",
        "diversity_l1",
        "nearest_l1",
        "encoded_l1",
        "kid_features",
    }
    assert more.keys() - found.keys() == {
        f"{name}_{end}" for name in bounded for end in ("low", "high")
    }
    assert found["frechet_features"] > 0
    seen = samples.score_samples(method, "photos:colour", "val")
    kinds = ("diversity", "frechet", "kid")
    assert {name for name in seen if "lite0" in name} == {f"{kind}_lite0" for kind in kinds}
    assert not [name for name in seen if "features" in name]
    strangers = samples.score_samples(method, "facades:unpaired", "train")
    assert not {"nearest_l1", "encoded_l1"} & strangers.keys(), "y is no answer to x"


# ---- images from noise alone


class Invented(Method):
    """Hands out images of ``split``, in turn or always the first, or noise."""

    translates = False

    def __init__(self, split: str = "", only: int | None = None):
        super().__init__(TrainingConfig(image_size=32))
        self.data, self.only, self.made = open_dataset("emoji:edges", split or "test", 32), only, 0
        self.real = bool(split)

    def generate(self, n: int) -> Tensor:
        self.made += n
        if not self.real:
            return torch.rand(n, 3, 32, 32) * 2 - 1
        rows = range(self.made - n, self.made) if self.only is None else [self.only] * n
        return torch.stack([self.data[i % len(self.data)]["y"] for i in rows])


def test_real_images_collapse_and_noise_are_told_apart():
    planted = (Invented("val"), Invented("val", 5), Invented())
    real, one, noise = (samples.score_generated(method, "emoji:edges") for method in planted)
    assert real["coverage_features"] > 0.5 > 0.05 > one["coverage_features"]
    assert noise["coverage_features"] < 0.05 and one["variety_l1"] < 1e-5
    assert real["variety_l1"] == pytest.approx(real["real_pairs_l1"], rel=0.15)
    assert (
        real["frechet_features"] < one["frechet_features"]
        and real["frechet_features"] < noise["frechet_features"]
    )
