"""The GPU's paths without a GPU: every method, evaluation and fit() on a device that is a fake.

Where there is a card, it takes the steps of every method itself.
"""

import math
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from course_lib.data.facades import Facades
from course_lib.errors import CourseError
from course_lib.methods import METHODS, configs, method_class
from course_lib.methods.base import Method
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.metrics import samples, scores
from course_lib.runs import evaluating
from course_lib.training import checkpoint, loading, profiles
from course_lib.training import run as training_run
from course_lib.training.fit import fit, schedule
from course_lib.training.graphs import WARM, Launches
from tests.methods.contract import Noise
from tests.support.fake_gpu import FakeGPU, Queue, Waits, fake_gpu

pytestmark = [
    # as averaged_copy() does
    pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor"),
    pytest.mark.filterwarnings("ignore:cov()"),  # of one image
    pytest.mark.filterwarnings("ignore:'pin_memory'"),  # there is no GPU
]
TrueLoader = loading.DataLoader


def make(name: str, profile: str = "smoke", cls: type[Method] | None = None) -> Method:
    cls = cls or method_class(name)
    values = dict(cls.PRESETS[profile])  # which make_config() refuses without a GPU
    if "pool_size" in cls.Config.__dataclass_fields__:
        values["pool_size"] = 2  # full at once
    return cls(configs.build(cls.Config, **values), "cuda", bf16=profile == "gpu")


def batch_of(method: Method) -> dict[str, Tensor]:
    """A batch on the CPU, where the data sets are."""
    return Noise(method.config.image_size, method.config.batch_size).batch()


@contextmanager
def asked_nothing():
    """In here the card that is there may not be waited for: torch itself sees to it."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def step(gpu: FakeGPU | None, method: Method, share: float = 0.0) -> dict[str, Tensor]:
    batch = {key: value.to("cuda") for key, value in batch_of(method).items()}
    with gpu.working() if gpu else asked_nothing():
        schedule(method, share)
        return method.step(batch)


@pytest.mark.parametrize("profile", ["smoke", pytest.param("gpu", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_learns_and_paints_on_a_gpu(name, profile):
    """A step waits for nothing, in any phase of the training, and leaves its terms on the GPU."""
    phases = (0.0, 0.52, 1.0) if name in ("pix2pixhd", "cyclegan") else (0.0,)
    with nullcontext() if torch.cuda.is_available() else fake_gpu() as gpu:
        method = make(name, profile)
        for share in phases:  # pools are full in the second
            for term in step(gpu, method, share).values():
                assert term.is_cuda and term.shape == () and not term.requires_grad
                assert term.dtype == torch.float32  # whatever the networks compute in
        data = batch_of(method)
        for images in painted(method, data):
            assert images.shape == data["y"].shape and images.is_cuda
        if not method.translates:
            assert all(images.is_cuda for images in method.preview().values())


@pytest.mark.parametrize("name", METHODS)
def test_a_step_asks_and_sends_nothing_while_it_is_captured(name, monkeypatch):
    """CUDA refuses both."""

    @contextmanager
    def capture(*_, **__):
        before = len(gpu.copied)
        with gpu.working():
            yield
        assert len(gpu.copied) == before, "a copy from the CPU"

    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: SimpleNamespace(replay=lambda: None))
    monkeypatch.setattr(torch.cuda, "graph", capture)
    with fake_gpu() as gpu:
        launches = Launches(make(name))
        batch = {key: value.to("cuda") for key, value in batch_of(launches.method).items()}
        for share in (0.0, 0.52, 1.0):
            for _ in range(WARM + 2):
                schedule(launches.method, share)
                terms = launches(batch)
            assert launches.fresh is not None and not launches.refused
            assert all(term.is_cuda and term.shape == () for term in terms.values())


def painted(method: Method, data: dict[str, Tensor]) -> list[Tensor]:
    """Every way in which a method translates; what reads codes does so on the way."""
    x, y, images = data["x"].to("cuda"), data["y"].to("cuda"), []
    for direction in method.directions if method.translates else ():
        images.append(method.translate_batch(data, direction)["fake_y"])
        if method.reads_codes:
            method.encode(y, direction)
    if method.has_codes:
        images.append(method.sample(x, 2)[:, 1])
    if "instances" in method.maps:
        images.append(method.sample(None, 2, **{name: data[name] for name in method.maps})[:, 1])
        assert method.finish(Noise(method.config.image_size, 2))
    return images


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pix2pix", "bicyclegan"])
def test_a_method_is_evaluated_on_a_gpu(name, monkeypatch):
    def tiny(method: Method, data: str, split: str, direction: str = "xy") -> Facades:
        return Facades(split, method.config.image_size, data, count=6)

    for module in (evaluating, scores, samples):
        monkeypatch.setattr(module, "opened_for", tiny)
    for number in ("INPUTS", "SAMPLES", "DEEP", "MANY", "TRUE"):
        monkeypatch.setattr(samples, number, {"INPUTS": 4, "MANY": 3}.get(number, 2), raising=False)
    with fake_gpu():
        found = evaluating.score_run(make(name), {"direction": "xy", "data": "facades"}, "facades")
    assert {"l1", "ssim", "fcn_iou"} <= found.keys()


# ---- what waits, is found


FAULTS = {
    "asks": (lambda images: images.mean().item(), Waits, "aten"),
    "sends": (lambda images: torch.randn(3).to(images.device), Waits, "aten"),
    "strays": (
        lambda images: images + torch.zeros(images.shape[-1]),
        RuntimeError,
        "two .*devices",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault):
    wrong, error, words = FAULTS[fault]

    class Faulty(Pix2Pix):
        def step(self, batch: dict) -> dict[str, Tensor]:
            wrong(batch["x"])
            return super().step(batch)

    with fake_gpu() as gpu, pytest.raises(error, match=words):
        step(gpu, make("pix2pix", cls=Faulty))


# ---- fit() reads the terms some at a time


def quick(gpu: FakeGPU, terms: dict[int, Tensor | float] | None = None) -> tuple[Method, list[int]]:
    """A pix2pix whose step does nothing; how often the GPU was waited for before each."""
    method, marks = make("pix2pix"), []

    def step(batch: dict) -> dict[str, Tensor]:
        marks.append(len(gpu.waits))
        return {"g_l1": (terms or {}).get(len(marks), batch["x"].mean())}

    method.step = step
    return method, marks


def waited(marks: list[int]) -> list[int]:
    """After which steps the GPU was waited for, but for the last."""
    return [k for k in range(1, len(marks)) if marks[k] > marks[k - 1]]


def test_fit_waits_for_a_gpu_every_ten_steps_and_where_it_must(tmp_path, monkeypatch):
    monkeypatch.setattr(training_run, "CHECKPOINT_SECONDS", 99)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 3e6)
    with fake_gpu() as gpu:
        method, marks = quick(gpu)
        before = profiles.gpu_facts()["kernel_s"]
        history = fit(method, Noise(32), steps=25, progress=False).history
        assert waited(marks) == [10, 20] and [row["step"] for row in history] == [*range(1, 26)]
        assert all(row["g_l1"] == 1.0 for row in history)
        assert profiles.gpu_facts() == {"memory_mb": 3.0, "kernel_s": before + 25 / 2}
        method, marks = quick(gpu)
        fit(method, Noise(32), steps=12, progress=False, val=Noise(32), previews=3, out=tmp_path)
        assert waited(marks) == [4, 8, 10]


def test_batches_are_copied_beside_the_work(monkeypatch):
    """In a stream of their own, from pinned memory; work and copies wait for each other."""
    pinned = []

    def watched(*given, pin_memory, **options):
        pinned.append(pin_memory)
        return TrueLoader(*given, **options)

    monkeypatch.setattr(loading, "DataLoader", watched)
    with fake_gpu() as gpu:
        work, method = Queue.current, make("pix2pix")
        gpu.copied.clear()
        feed = loading.batches(Noise(32), method)
        batches = [next(feed) for _ in range(2)]
        aside = gpu.copied[0]
        tensors = [
            value for batch in batches for value in batch.values() if isinstance(value, Tensor)
        ]
        assert aside is not work and gpu.copied == [aside] * len(tensors)
        assert work.waited_for == [aside] * 2 and gpu.kept == [work] * len(gpu.copied)
        assert all(batch["x"].is_cuda for batch in batches)
    assert pinned == [True]


def test_a_nan_that_is_read_late_reaches_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(training_run, "CHECKPOINT_SECONDS", 99)
    with fake_gpu() as gpu, pytest.raises(CourseError, match="the loss g_l1 is nan") as error:
        method = quick(gpu, {13: torch.tensor(math.nan)})[0]
        fit(method, Noise(32), steps=25, out=tmp_path, progress=False)
    assert error.value.where.startswith("step 13 ")
    assert max(checkpoint.steps(tmp_path / "checkpoints")) == 0
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 10
