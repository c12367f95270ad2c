"""Images of any size and kind come back as they were given: ``course translate`` and what it does
with sizes.
"""

from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import CourseError, runs
from course_lib.data import open_dataset
from course_lib.data.images import read_image, to_image, to_tensor
from course_lib.demo import page
from course_lib.runs.sizes import LONGEST, Frame, size_step
from tests.support.pictures import photograph, turned
from tests.support.small import trained, translated, untrained

STILL = "dropout=0", "test_dropout=false", "test_batch_statistics=false"


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    photograph(500, 333).save(path)
    return path


# ---- what networks take


@pytest.mark.parametrize(
    ("name", "settings", "takes"),
    [
        ("pix2pix", STILL, 32),  # down to one pixel
        ("pix2pix", (*STILL, "norm=instance"), 0),
        (
            "pix2pix",
            ("test_batch_statistics=true",),
            0,
        ),  # the paper's: statistics of the image at hand
        (
            "pix2pix",
            ("test_batch_statistics=true", "generator=resnet"),
            4,
        ),  # so has this one, of many pixels
        ("cyclegan", (), 4),
        ("bicyclegan", ("norm=batch", "d_scales=1"), 32),
        ("munit", (), 4),
    ],
)
def test_what_heights_and_widths_must_be_multiples_of(name, settings, takes):
    method = untrained(name, 32, *settings)
    assert size_step(method, lambda x: method.translate(x)["fake_y"]) == takes


def test_memory_that_runs_out_makes_no_network_one_for_squares():
    full = Mock(side_effect=torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(CourseError, match="out of memory"):
        size_step(untrained("pix2pix", 32), full)


FRAMES = [  # of an image of this size at 64 px: step, scale and share; inner and outer size
    ((500, 283), 64, {}, (113, 64), (128, 64)),
    ((500, 333), 4, {"scale": 1}, (500, 333), (500, 336)),
    ((500, 333), 4, {"scale": 0.01}, (64, 64), (64, 64)),  # no less than in training
    ((500, 333), 0, {}, (64, 64), (64, 64)),
    ((500, 333), 64, {}, (128, 64), (128, 64)),  # a quarter would be padding: 3:2 is widened
    ((333, 444), 64, {}, (64, 64), (64, 64)),  # 3:4 becomes a square
    # no more than 16 times the size, as in the page, unless you choose
    ((4000, 100), 4, {"share": 0.5}, (1024, 128), (1040, 144)),
    ((1600, 200), 4, {"share": 0.5}, (1024, 128), (1040, 144)),
    ((4000, 100), 4, {"scale": 0.64}, (2560, 64), (2560, 64)),
    ((50, 40), 4, {"scale": 0.1, "share": 0.5}, (48, 48), (64, 64)),
    ((3, 1025), 4, {"scale": 1}, (64, 1025), (64, 1028)),
]


@pytest.mark.parametrize(("given", "step", "options", "inner", "outer"), FRAMES)
def test_a_frame_pads_a_little_and_resizes_instead_of_padding_much(
    given, step, options, inner, outer
):
    rim = 8 if "share" in options else 0
    assert Frame.of(given, 64, step, **options) == (inner, outer, given, rim)


def test_the_page_makes_no_larger_ones():
    script = (Path(page.__file__).parent / "static" / "network.js").read_text("utf-8")
    assert f"const LONGEST = {LONGEST};" in script


def test_what_has_seen_parts_gets_a_rim_that_is_cut_off_again():
    """All around, of reflection: such a network would draw a frame along the borders."""
    frame = Frame.of((99, 72), 64, 4, share=0.5)
    image = to_tensor(photograph(*frame.inner), frame.inner)
    x, rim = frame.pad(image)[0], frame.rim
    assert (rim, *x.shape[1:]) == (8, *frame.outer[::-1]) and frame.inner == (176, 128)
    inside = x[:, rim : rim + 128, rim : rim + 176]
    assert torch.equal(inside, image)
    assert torch.equal(x[:, rim:136, :rim], image[..., 1 : rim + 1].flip(-1))
    assert torch.equal(x[:, :rim, rim:184], image[:, 1 : rim + 1].flip(1))
    assert (
        frame.crop(x).tobytes()
        == to_image(image).resize((99, 72), Image.Resampling.BICUBIC).tobytes()
    )


# ---- translations


@pytest.mark.parametrize(
    ("run", "scale", "inner", "outer"),
    [
        ("shipped:lines-emoji", None, (192, 128), (192, 128)),
        ("shipped:lines-emoji", 0.5, (250, 166), (256, 192)),
        (64, None, (128, 64), (128, 64)),
        ("shipped:day-night", 1, (500, 333), (500, 336)),  # nothing is resized
    ],
)
def test_a_photograph_keeps_its_size_and_is_what_the_network_paints_by_hand(
    photo, tmp_path, run, scale, inner, outer
):
    run = trained(tmp_path / "run", size=run) if run == 64 else run
    out = Image.open(translated(run, photo, tmp_path / "out", scale=scale))
    assert out.size == (500, 333) and out.mode == "RGB"
    small = np.asarray(read_image(photo).resize(inner, Image.Resampling.BICUBIC))
    right, below = outer[0] - inner[0], outer[1] - inner[1]
    x = (
        torch.from_numpy(np.pad(small, ((0, below), (0, right), (0, 0)), mode="reflect")).permute(
            2, 0, 1
        )
        / 127.5
        - 1
    )
    fake = runs.open_run(run, "cpu")[0].translate(x[None])["fake_y"][0, :, : inner[1], : inner[0]]
    assert np.array_equal(out, to_image(fake).resize((500, 333), Image.Resampling.BICUBIC))


def test_translating_leaves_the_random_numbers_of_the_caller_alone(photo, tmp_path):
    run, data = "shipped:letters-many", open_dataset("facades", "test", 64)
    before = torch.get_rng_state()
    translated(run, photo, tmp_path / "out", squared=True, seed=3)
    method, _ = runs.open_run(run, "cpu")
    runs.translate_batches(method, torch.utils.data.Subset(data, [0, 1]))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_that_takes_squares_only_says_so_once(photo, tmp_path, notes):
    trained(tmp_path / "run", size=32, settings=["test_batch_statistics=true"])
    (tmp_path / "in").mkdir()
    for name in "ab":
        Image.open(photo).save(tmp_path / "in" / f"{name}.png")
    written = runs.translate_files(
        tmp_path / "run", tmp_path / "in", tmp_path / "out", device="cpu"
    )
    (said,) = notes()
    assert "takes squares only: images are squeezed to 32 px" in said
    assert [Image.open(path).size for path in written] == [(500, 333)] * 2
    method, _ = runs.open_run(tmp_path / "run", "cpu")
    fake = to_image(method.translate(to_tensor(read_image(photo), 32)[None])["fake_y"][0])
    assert np.array_equal(Image.open(written[0]), fake.resize((500, 333), Image.Resampling.BICUBIC))


def test_alpha_is_kept_where_that_is_asked_for(tmp_path):
    image, alpha = (
        photograph(70, 90),
        Image.fromarray(np.tile(np.linspace(0, 255, 70).astype(np.uint8), (90, 1))),
    )
    image.putalpha(alpha)
    image.save(tmp_path / "a.png")
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    white.save(tmp_path / "b.png")
    run, ways = "shipped:lines-emoji", (("a.png", True), ("a.png", False), ("b.png", False))
    kept, plain, on_white = (
        Image.open(translated(run, tmp_path / name, tmp_path / f"{name}{keep}", keep_alpha=keep))
        for name, keep in ways
    )
    assert (kept.mode, plain.mode) == ("RGBA", "RGB") and np.array_equal(
        kept.getchannel("A"), alpha
    )
    assert np.array_equal(plain, on_white) and np.array_equal(kept.convert("RGB"), plain)
    opaque = translated(run, tmp_path / "b.png", tmp_path / "4", keep_alpha=True)
    assert Image.open(opaque).mode == "RGB"


# ---- odd ones

SIZES = [(17, 900), (1025, 3), (1, 1), (64, 64), (65, 63), (128, 64), (333, 500), (2, 300)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "run, scale", [("shipped:lines-emoji", ()), ("shipped:day-night", ("--scale", 0.25))]
)
def test_images_of_odd_sizes_come_back_in_theirs(run, scale, tmp_path, course):
    """Upright, and as a camera that was turned stores them; of all kinds: data/test_images.py."""
    (tmp_path / "in").mkdir()
    for width, height in SIZES:
        image = photograph(width, height)
        image.save(tmp_path / "in" / f"{width} {height}.png")
        image.save(tmp_path / "in" / f"{height} {width} turned.jpg", exif=turned(6))
    to = tmp_path / "out"
    status, out, err = course(
        "translate", "--run", run, "--input", tmp_path / "in", "--output", to, *scale
    )
    assert (status, err) == (0, "") and out.startswith("wrote 16 images")
    shown = {path.stem: Image.open(path).size for path in to.iterdir()}
    assert all(stem.split()[:2] == [*map(str, size)] for stem, size in shown.items())


def test_what_torch_says_of_memory_ends_in_an_error_that_names_scale(photo, tmp_path, monkeypatch):
    def full(self, x, **options):
        if x.shape[-1] > 200:
            raise RuntimeError(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return {"fake_y": x}

    monkeypatch.setattr("course_lib.methods.pix2pix.Pix2Pix.translate", full)
    with pytest.raises(CourseError, match=r"out of memory[\s\S]*photo.png[\s\S]*--scale"):
        translated("shipped:lines-emoji", photo, tmp_path / "out", scale=1)
    assert not list((tmp_path / "out").iterdir())
