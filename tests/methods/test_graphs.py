"""A step as one launch learns what plain steps learn: the CUDA graph is a fake (replayed.py)."""

import warnings

import pytest
import torch

from course_lib.data import open_dataset
from course_lib.methods import METHODS, method_class
from course_lib.methods.base import Method
from course_lib.methods.image_pool import ImagePool
from course_lib.runs import make_config
from course_lib.training import graphs
from course_lib.training.fit import schedule
from course_lib.training.loading import batches
from tests.support.replayed import different, launched
from tools.golden import SameNumbers


def trained(
    name: str, steps: int, patch: pytest.MonkeyPatch | None, settings: list[str]
) -> tuple[Method, list[dict], int]:
    """The method after so many steps, its terms, and how many of them were replays."""
    torch.manual_seed(0)
    config = make_config(name, "smoke", settings=settings)
    method = method_class(name)(config)
    step, kind = launched(method, patch) if patch else (method.step, None)
    feed, rows = batches(open_dataset("facades", "train", config.image_size), method), []
    for done in range(steps):
        schedule(method, done / steps)
        for optimizer in method.optimizers.values():  # on a device rates have 24 bits
            for group in optimizer.param_groups if patch is None else ():
                group["lr"] = torch.tensor(group["lr"]).item()
        with SameNumbers():  # a GPU draws its own numbers anew at each replay
            rows.append(step(next(feed)))
    for group in step.groups if patch else ():  # numbers again, as `launching` leaves them
        group["lr"] = float(group["lr"])
    return method, rows, kind.count if kind else 0


@pytest.mark.parametrize("name", METHODS)
def test_one_launch_learns_the_same(name, monkeypatch):
    """Draws, counts, rates, phases, averages and pools."""
    pool = ["pool_size=3"] if "pool_size" in method_class(name).Config.__dataclass_fields__ else []
    steps = 16 if name == "pix2pixhd" else 8  # three phases
    settings = ["average=0.9", "decay_from=0.2", *pool]
    plain, usual, _ = trained(name, steps, None, settings)
    method, rows, replays = trained(name, steps, monkeypatch, settings)
    assert replays >= steps // 2 and rows == usual and different(method, plain) == []
    assert all(type(g["lr"]) is float for o in method.optimizers.values() for g in o.param_groups)


def test_another_batch_size_is_captured_again(monkeypatch):
    step, kind = launched(method_class("pix2pix")(make_config("pix2pix", "smoke")), monkeypatch)
    sizes = [4] * 6 + [2] * 6 + [4] * 4
    for size in sizes:
        step({name: torch.rand(size, 3, 32, 32) for name in "xy"})
    assert (
        kind.count == len(sizes) - 3 * graphs.WARM - 1
    )  # and the first, of which D was not frozen


@pytest.mark.parametrize("fault", ["draws", "raises"])
def test_what_cannot_be_captured_goes_on_as_ever_and_says_so_once(fault, monkeypatch):
    settings = ["mirror=True", "average=0"] if fault == "draws" else ["average=0"]
    name = "cut" if fault == "draws" else "bicyclegan"
    if fault == "raises":
        cls, true = method_class(name), method_class(name).update_averages

        def fails(self):
            if graphs.hardware.capturing:
                raise RuntimeError("not permitted")
            return true(self)

        monkeypatch.setattr(cls, "update_averages", fails)
    plain, usual, _ = trained(name, 8, None, settings)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        method, rows, replays = trained(name, 8, monkeypatch, settings)
    told = [str(w.message) for w in said if "CUDA graph" in str(w.message)]
    assert len(told) == 1 and ("in Python" if fault == "draws" else "not permitted") in told[0]
    assert (replays, rows, different(method, plain)) == (0, usual, [])


def test_a_pool_returns_and_keeps_what_the_paper_says():
    """Against the loop as one would write it, from the same draws."""
    pool, kept, size = ImagePool(3, 4), [], 3
    for seed in range(20):
        fakes = torch.rand(2, 3, 4, 4)
        torch.manual_seed(seed)
        found = pool.query(fakes)
        torch.manual_seed(seed)
        for fake, out in zip(fakes, found, strict=True):
            wanted = fake
            if len(kept) < size:
                kept.append(fake)
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(size, ()))
                wanted, kept[place] = kept[place], fake
            assert torch.equal(out, wanted)
        assert torch.equal(pool.images[: len(kept)], torch.stack(kept)) and pool.count == len(kept)
