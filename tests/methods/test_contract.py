"""The contract of contract.py, passed by all methods of the course."""

import re
from contextlib import nullcontext

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.methods import METHODS, method_class
from course_lib.methods.bicyclegan import VARIANTS
from course_lib.methods.pix2pix import Pix2Pix
from tests import ROOT
from tests.methods import contract

LOG = {"gan_loss": "log"}
D_OF_CYCLEGAN = {"d_real_x", "d_fake_x", "d_real_y", "d_fake_y"}
CYCLES, GANS = {"g_forward", "g_backward"}, {"g_gan_x", "g_gan_y"}
IDENTITY = dict.fromkeys(GANS | CYCLES | D_OF_CYCLEGAN | {"g_identity_x", "g_identity_y"})
BICYCLE = {
    "encoded": {"g_gan_encoded", "g_l1_encoded", "d_real_encoded", "d_fake_encoded"},
    "random": {"g_gan_random", "d_real_random", "d_fake_random"},
}


def of_both(*kinds: str) -> set[str]:
    return {f"{kind}_{domain}" for kind in kinds for domain in "xy"}


def exactly(*names: str) -> dict[str, None]:
    """The terms of a row that are not those of the whole method less some."""
    return dict.fromkeys(names)


SMALL = {"image_size": 16, "base_channels": 4, "d_base_channels": 4, "d_layers": 1, "batch_size": 2}
PAIRED = SMALL | {"dropout": 0.0, "test_dropout": False, "test_batch_statistics": False}
TINY = SMALL | {"n_blocks": 1}
CASES = {
    "dcgan": contract.Case(method_class("dcgan"),
        {"image_size": 16, "z_dim": 5, "base_channels": 4, "d_base_channels": 4, "batch_size": 6,
         "test_batch_statistics": False}, (
            ({"upsampling": "resize-conv"}, set()),
            ({"diff_augment": True}, set()),
    )),
    "pix2pix": contract.Case(method_class("pix2pix"),
        PAIRED, (
            ({"lambda_gan": 0.0}, {"d_real", "d_fake", "g_gan"}),
            ({"lambda_l1": 0.0, "conditional": False}, {"g_l1"}),
            ({"lambda_l1": 0.0}, {"g_l1"}),
            ({"lambda_gan": 0.0, "lambda_l1": 0.0, "lambda_features": 9.0}, exactly("g_features")),
            ({"conditional": False}, set()),
            ({"generator": "encoder-decoder"}, set()),
            ({"generator": "resnet", "n_blocks": 1}, set()),
            ({"upsampling": "resize-conv", "norm": "instance"}, set()),
            ({"average": 0.9, "dropout": 0.5}, set()),
            ({"d_layers": 0}, set()),
            ({"levels": 2}, set()),
    )),
    "cyclegan": contract.Case(method_class("cyclegan"),
        TINY | {"pool_size": 3}, (
            ({"lambda_gan": 0.0}, GANS | D_OF_CYCLEGAN),
            ({"lambda_forward": 0.0, "lambda_backward": 0.0}, CYCLES),
            ({"lambda_backward": 0.0}, {"g_backward"}),
            ({"lambda_forward": 0.0}, {"g_forward"}),
            ({"lambda_identity": 5.0}, IDENTITY),
            ({"identity_share": 0.5}, IDENTITY),
            (LOG | {"pool_size": 0, "average": 0.9}, set()),
        ),
        learns=("opt_G", "opt_D"),
    ),
    "bicyclegan": contract.Case(method_class("bicyclegan"),
        SMALL | {"image_size": 32, "z_dim": 3, "e_base_channels": 4, "dropout": 0.0,
                 "init": "normal"}, (
            ({"variant": "pix2pix+noise"}, exactly(*BICYCLE["random"], "g_l1_random")),
            ({"variant": "cAE-GAN"}, exactly(*BICYCLE["encoded"])),
            ({"variant": "cVAE-GAN"}, exactly(*BICYCLE["encoded"], "g_kl_encoded")),
            ({"variant": "cVAE-GAN++"}, {"g_latent_random"}),
            ({"variant": "cLR-GAN"}, exactly(*BICYCLE["random"], "g_latent_random")),
            ({"lambda_latent": 0.0, "lambda_kl": 0.0}, {"g_latent_random", "g_kl_encoded"}),
            ({"lambda_gan": 0.0}, {n for of in BICYCLE.values() for n in of} - {"g_l1_encoded"}),
            ({"z_dim": 1}, set()),
            ({"z_dim": 256}, set()),
            ({"z_dim": 8, "encoder": "cnn", "z_at": "input"}, set()),
            ({"conditional": True, "d_scales": 1}, set()),
            ({"norm": "batch", "upsampling": "resize-conv", "dropout": 0.5}, set()),
        ),
        learns=("opt_G", "opt_D"),
    ),
    "pix2pixhd": contract.Case(method_class("pix2pixhd"),
        TINY | {"image_size": 32, "n_down": 2, "n_local_blocks": 1, "d_scales": 2,
                "e_base_channels": 2, "use_features": True, "n_centres": 3, "cluster_images": 4,
                "features_frozen_from": 1.0}, (
            ({"lambda_fm": 0.0}, {"g_fm"}),
            ({"lambda_gan": 0.0}, {"g_gan"}),
            ({"lambda_fm": 0.0, "lambda_features": 9.0},
             exactly("d_real", "d_fake", "g_gan", "g_features")),
            ({"use_features": False}, set()),
            ({"use_features": False, "use_instances": False}, set()),
            ({"n_labels": 0, "use_features": False, "use_instances": False}, set()),
            ({"d_scales": 1, "upsampling": "resize-conv"}, set()),
        ),
        stops=(2, 4, 6),  # in each phase: they end at 0.5 and 0.55 of the steps
        ready=0.9,  # at 1, which no step sees, E would rest
        learns=("opt_G", "opt_D"),
    ),
    "unit": contract.Case(method_class("unit"),
        TINY | {"n_blocks": 2}, (
            ({"shared_blocks": 0}, set()),
            ({"noise": "off", "average": 0.9}, set()),
            ({"lambda_image": 0.0}, of_both("g_image")),
            ({"lambda_cycle": 0.0, "lambda_cycle_kl": 0.0}, of_both("g_cycle", "g_cycle_kl")),
            ({"lambda_kl": 0.0, "lambda_cycle_kl": 0.0}, of_both("g_kl", "g_cycle_kl")),
            ({"lambda_gan": 0.0}, of_both("g_gan", "d_real", "d_fake")),
    )),
    "munit": contract.Case(method_class("munit"),
        TINY | {"image_size": 32, "style_dim": 3, "style_down": 2, "d_layers": 2, "d_scales": 2}, (
            ({"lambda_image": 0.0}, of_both("g_image")),
            ({"lambda_content": 0.0}, of_both("g_content")),
            ({"lambda_style": 0.0}, of_both("g_style")),
            ({"lambda_gan": 0.0}, of_both("g_gan", "d_real", "d_fake")),
            ({"lambda_image": 0.0, "lambda_content": 0.0, "lambda_style": 0.0},
             of_both("g_image", "g_content", "g_style")),
            ({"average": 0.9}, set()),
    )),
    "cut": contract.Case(method_class("cut"),
        TINY | {"n_blocks": 2, "h_dim": 8, "places": 20}, (
            ({"lambda_gan": 0.0}, {"g_gan", "d_real", "d_fake"}),
            ({"lambda_y": 0.0}, {"g_nce_y"}),
            ({"lambda_x": 0.0}, {"g_nce_x"}),
            ({"lambda_x": 10.0, "lambda_y": 0.0, "mirror": True}, {"g_nce_y"}),
            ({"lambda_style": 9.0},
             exactly("d_real", "d_fake", "g_gan", "g_nce_x", "g_nce_y", "g_style")),
            ({"average": 0.9, "upsampling": "resize-conv"}, set()),
    )),
    "flow": contract.Case(method_class("flow"),
        {"image_size": 16, "base_channels": 8, "euler_steps": 2, "batch_size": 2, "average": 0.0},
        (({"average": 0.9, "decay_from": 1.0}, set()),),
        learns=("opt_G",),
    ),
}  # fmt: skip


def test_every_method_is_under_contract():
    assert CASES.keys() == METHODS.keys()
    rows = [changes.get("variant", "BicycleGAN") for changes, _ in CASES["bicyclegan"].ablations]
    assert set(rows) == set(VARIANTS)


LONG = {contract.resumes_to_the_bit, contract.ablations_are_configuration}
PROMISES = [
    pytest.param(it, marks=[pytest.mark.slow] * (it in LONG), id=it.__name__)
    for it in contract.PROMISES
]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("promise", PROMISES)
def test_contract(promise, name, tmp_path):
    promise(CASES[name], tmp_path)


@pytest.fixture(scope="module")
def own_method():
    """The method of one's own, from the page that shows how to write one."""
    page = (ROOT / "notebooks" / "guide" / "house.md").read_text(encoding="utf-8")
    (code,) = (
        block
        for block in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
        if "(Method)" in block
    )
    assert len(code.splitlines()) <= 90
    names = {"__name__": "hinge"}
    exec(compile(code, "hinge.py", "exec"), names)
    return names["HingePix2Pix"]


@pytest.mark.parametrize("promise", PROMISES)
def test_the_method_of_the_page_passes_too(promise, own_method, tmp_path):
    rows = (({"lambda_gan": 0.0}, {"d_real", "d_fake", "g_gan"}), ({"lambda_l1": 0.0}, {"g_l1"}))
    promise(contract.Case(own_method, TINY, rows), tmp_path)


def test_the_contract_can_be_broken(tmp_path):
    """D learns from fakes that are not detached, and is not frozen while G learns."""

    class Leaky(Pix2Pix):
        def step(self, batch):
            fake_y = self.run(self.G, batch["x"])
            self.opt_D.zero_grad()
            terms = self.discriminator_terms(batch["x"], batch["y"], fake_y)
            sum(terms.values()).backward(retain_graph=True)
            self.opt_D.step()
            return {name: term.detach() for name, term in terms.items()}

    with pytest.raises(AssertionError):
        contract.gradients_stay_with_their_owners(
            contract.Case(Leaky, CASES["pix2pix"].small), tmp_path
        )


TRANSLATORS = [name for name in METHODS if method_class(name).translates]


@pytest.fixture(params=[*TRANSLATORS, "own"])
def translator(request, own_method):
    """The case of each method that translates, and of one's own."""
    return contract.Case(own_method, TINY) if request.param == "own" else CASES[request.param]


def test_images_from_any_device_are_translated_on_the_methods(translator, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # it knows no "meta"
    config, data = translator.make().config, translator.batch()
    method = translator.cls(config, "meta")
    maps = {key: data[key] for key in method.maps}
    for way in method.directions:
        assert method.translate(data["x"], direction=way, **maps)["fake_y"].is_meta


def test_codes_and_directions_that_a_method_does_not_know_are_refused(translator):
    method, data = translator.make(), translator.batch()
    asked = [{"direction": way} for way in ("yx", "AtoB") if way not in method.directions]
    # x alone is not enough where there are maps
    asked += [{}] if method.maps else [{"z": torch.zeros(1, 999)}] * (not method.has_codes)
    for words in asked:
        with pytest.raises(CourseError, match=r"unknown direction|has no codes|was not given"):
            method.translate(data["x"], **words)
        if method.reads_codes:
            with pytest.raises(CourseError, match="unknown direction"):
                method.encode(data["y"], **words)
