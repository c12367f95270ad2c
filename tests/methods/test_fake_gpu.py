"""The GPU's paths without a GPU: every method at every preset, its metrics and fit(), on a device that is a fake."""

import json
import math

import pytest
import torch
from torch import Tensor

from course_lib import metrics
from course_lib.data.facades import Facades
from course_lib.errors import CourseError
from course_lib.methods import METHODS, method_class
from course_lib.methods.base import Method
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.metrics import diversity, factors, perceptual, samples, scores
from course_lib.runs import evaluating, make_config
from course_lib.training import checkpoint, loading
from course_lib.training.fit import fit, schedule
from tests.methods.contract import Noise
from tests.support.fake_gpu import FakeGPU, Queue, Waits, fake_gpu

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:Accessing the data pointer of FakeTensor"
    ),  # as averaged_copy() does
    pytest.mark.filterwarnings("ignore:cov()"),  # of one image
    pytest.mark.filterwarnings("ignore:'pin_memory'"),  # there is no GPU
]
TrueLoader = loading.DataLoader


def make(name: str, profile: str = "smoke", cls: type[Method] | None = None) -> Method:
    cls = cls or method_class(name)
    settings = (
        ["pool_size=2"] if "pool_size" in cls.Config.__dataclass_fields__ else []
    )  # full at once
    return cls(make_config(name, profile, settings=settings), "cuda", bf16=profile == "gpu")


def batch_of(method: Method) -> dict[str, Tensor]:
    """A batch on the CPU, where the data sets are."""
    return Noise(method.config.image_size, method.config.batch_size).batch()


def step(gpu: FakeGPU, method: Method, share: float = 0.0) -> dict[str, Tensor]:
    batch = {key: value.to("cuda") for key, value in batch_of(method).items()}
    with gpu.working():
        schedule(method, share)
        return method.step(batch)


@pytest.mark.parametrize(
    "profile", ["smoke", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cpu", "gpu"))]
)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_learns_and_paints_on_a_gpu(name, profile):
    """A step waits for nothing, in any phase of the training, and returns its terms as they are, on the GPU."""
    with fake_gpu() as gpu:
        method = make(name, profile)
        for share in (
            (0.0, 0.52, 1.0) if name in ("pix2pixhd", "cyclegan", "bigan") else (0.0,)
        ):  # phases, full pools
            terms = step(gpu, method, share)
            assert terms and all(
                t.is_cuda and t.shape == () and not t.requires_grad for t in terms.values()
            )
            assert {t.dtype for t in terms.values()} == {
                torch.float32
            }  # whatever the networks compute in
        data = batch_of(method)
        shape, found = data["y"].shape, []
        for direction in method.directions if method.translates else ():
            found.append(method.translate_batch(data, direction)["fake_y"])
            if method.reads_codes:
                method.encode(
                    data["y"].to("cuda"), *([direction] if len(method.directions) > 1 else [])
                )
        if method.has_codes:
            found.append(method.sample(data["x"].to("cuda"), 2)[:, 1])
        if name == "pix2pixhd":
            found.append(
                method.sample(None, 2, labels=data["labels"], instances=data["instances"])[:, 1]
            )
            found.append(method.translate(data["x"].to("cuda"))["fake_y"])
            assert method.finish(Noise(method.config.image_size, 2))
        if not method.translates:
            assert all(images.is_cuda for images in method.preview().values())
        assert all(images.shape == shape and images.is_cuda for images in found)
        assert bool(found) == method.translates


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[pytest.mark.slow] * (n != "bicyclegan"))
        for n in METHODS
        if method_class(n).translates
    ],
)
def test_every_method_is_evaluated_on_a_gpu(name, monkeypatch):
    def tiny(
        data: str, split: str, size: int, direction: str = "xy", load: str = "square"
    ) -> Facades:
        return Facades(split, size, data, count=6)

    for module in (evaluating, scores, samples):
        monkeypatch.setattr(module, "open_dataset", tiny)
    for of, most in {
        "INPUTS": 4,
        "SAMPLES": 2,
        "DEEP": 2,
        "MANY": 3,
        "TRUE": 2,
        "SHARED": 2,
    }.items():
        monkeypatch.setattr(samples, of, most)
    with fake_gpu():
        found = evaluating.score_run(make(name), {"direction": "xy", "data": "facades"}, "facades")
    assert {"l1", "ssim", "fcn_iou", "l1_low"} <= found.keys()


def test_metrics_take_images_of_a_gpu():
    """Any metric of two batches of images, wherever they are; the frozen networks go where the images are."""
    with fake_gpu():
        a, b, labels = (
            t.to("cuda") for t in (*torch.rand(2, 6, 3, 32, 32), torch.ones(6, 32, 32).long())
        )
        for metric in (
            "l1",
            "psnr",
            "ssim",
            "sharpness_ratio",
            "grid_ratio",
            "chroma_ratio",
            "evaluate",
        ):
            getattr(metrics, metric)(a, b)
        metrics.histogram_intersection(a, b)
        (
            perceptual.describe(a),
            diversity.diversity(a[None]),
            factors.read(a),
        )
        diversity.coverage(a[None], b[None]), diversity.realism_error(a, b), diversity.frechet(a, b)
        scores.fcn_score(a, labels), scores.label_matrices(a, labels), scores.retrieval(a, b)


# ---- what waits, is found


FAULTS = {
    "asks": lambda images: images.mean().item(),
    "decides": lambda images: 1 if images.mean() > 0 else 0,
    "sends": lambda images: torch.randn(3).to(images.device),
    "fetches": lambda images: images.cpu(),
    "picks": lambda images: images[images > 0],
    "strays": lambda images: images + torch.zeros(images.shape[-1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault):
    class Faulty(Pix2Pix):
        def step(self, batch: dict) -> dict[str, Tensor]:
            FAULTS[fault](batch["x"])
            return super().step(batch)

    wrong, words = (
        (RuntimeError, "two .*devices,? cuda:0.* cpu") if fault == "strays" else (Waits, "aten")
    )
    with fake_gpu() as gpu, pytest.raises(wrong, match=words):
        step(gpu, make("pix2pix", cls=Faulty))


def test_a_pool_that_counts_on_the_gpu_is_found():
    with fake_gpu() as gpu:
        method = make("cyclegan")
        method.pool_y.count = method.pool_y.count.to("cuda")
        with pytest.raises(Waits, match="_local_scalar_dense"):
            step(gpu, method)


# ---- fit() reads the terms some at a time


def quick(gpu: FakeGPU, terms: dict[int, Tensor | float] | None = None) -> tuple[Method, list[int]]:
    """A pix2pix whose step does nothing; at the end of each, how often the GPU was waited for until then."""
    method, marks = make("pix2pix"), []

    def step(batch: dict) -> dict[str, Tensor]:
        marks.append(len(gpu.waits))
        return {"g_l1": (terms or {}).get(len(marks), batch["x"].mean())}

    method.step = step
    return method, marks


def waited(marks: list[int]) -> list[int]:
    """After which steps the GPU was waited for, but for the last."""
    return [k for k in range(1, len(marks)) if marks[k] > marks[k - 1]]


def test_fit_waits_for_a_gpu_every_ten_steps_and_where_it_must(tmp_path):
    with fake_gpu() as gpu:
        method, marks = quick(gpu)
        result = fit(method, Noise(32), steps=25, progress=False)
        assert waited(marks) == [10, 20] and [row["step"] for row in result.history] == list(
            range(1, 26)
        )
        assert all(row["g_l1"] == 1.0 and isinstance(row["g_l1"], float) for row in result.history)
        method, marks = quick(gpu)
        fit(
            method,
            Noise(32),
            steps=12,
            val=Noise(32),
            previews=3,
            out=tmp_path,
            checkpoint_seconds=99,
            progress=False,
        )
        assert waited(marks) == [4, 8, 10]
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert [row["step"] for row in rows if "val_l1" in row] == [4, 8, 12]


def test_batches_are_copied_beside_the_work(monkeypatch):
    """In a stream of their own, from pinned memory; the GPU's work waits for them, and their memory for the work."""
    pinned = []
    watched = lambda *a, pin_memory, **k: pinned.append(pin_memory) or TrueLoader(*a, **k)  # noqa: E731
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


@pytest.mark.parametrize(("seconds", "bad", "kept", "rows"), [(0, 3, 2, 2), (99, 13, 0, 10)])
def test_a_nan_that_is_read_late_reaches_no_checkpoint(tmp_path, seconds, bad, kept, rows):
    with fake_gpu() as gpu:
        method, _ = quick(gpu, {bad: torch.tensor(math.nan)})
        with pytest.raises(CourseError, match="the loss g_l1 is nan") as error:
            fit(
                method,
                Noise(32),
                steps=25,
                out=tmp_path,
                checkpoint_seconds=seconds,
                progress=False,
            )
    assert error.value.where.startswith(f"step {bad} ")
    assert max(checkpoint.steps(tmp_path / "checkpoints")) == kept
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == rows
