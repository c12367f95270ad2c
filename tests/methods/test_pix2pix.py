"""One pix2pix step: who is updated by what, in which order, and every ablation as configuration."""

from dataclasses import replace

import pytest
import torch

from course_lib.data.colours import rgb_to_lab
from course_lib.errors import CourseError
from course_lib.methods import configs
from course_lib.methods.dcgan import Config as DCGANConfig
from course_lib.methods.pix2pix import Config, Pix2Pix
from course_lib.networks import EncoderDecoder, receptive_field
from tests.methods.contract import assert_same_weights
from tests.support.tensors import pairs as batch

SMALL = Config(
    image_size=16, base_channels=4, d_base_channels=4, d_layers=1, batch_size=2, dropout=0.0
)


def make(**changes) -> Pix2Pix:
    torch.manual_seed(0)
    return Pix2Pix(replace(SMALL, **changes))


def test_a_penalty_refuses_batch_norm_in_d():
    for cls, fix in ((Config, "norm=instance"), (DCGANConfig, "d_norm=none")):
        for name in ("lambda_r1", "lambda_r2"):
            with pytest.raises(CourseError, match="batch norm in D mixes the images") as error:
                configs.build(cls, **{name: 1.0})
            assert fix in error.value.fix
            configs.build(cls, **{name: 1.0}, **dict([fix.split("=")]))


def test_step_equals_the_equations():
    """The library's step against the three equations written out, with plain Adam: same terms, same weights."""
    method, data = make(), batch()
    reference = make()
    G, D, x, y = reference.G, reference.D, data["x"], data["y"]
    opt_G = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
    for _ in range(3):
        terms = method.step(data)
        fake_y = G(x)
        real, fake = (
            torch.sigmoid(D(torch.cat([x, y], 1))),
            torch.sigmoid(D(torch.cat([x, fake_y.detach()], 1))),
        )
        d_real, d_fake = -real.log().mean(), -(1 - fake).log().mean()
        opt_D.zero_grad()
        ((d_real + d_fake) / 2).backward()
        opt_D.step()
        g_gan = -torch.sigmoid(D(torch.cat([x, fake_y], 1))).log().mean()
        g_l1 = (y - fake_y).abs().mean()
        opt_G.zero_grad()
        (g_gan + 100 * g_l1).backward()
        opt_G.step()
        expected = {"d_real": d_real, "d_fake": d_fake, "g_gan": g_gan, "g_l1": g_l1}
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-4)
    assert_same_weights(method.G, G, 2e-5)


def test_patch_sizes_are_configuration():
    fields = [
        receptive_field(Pix2Pix(replace(SMALL, image_size=64, d_layers=n)).D) for n in range(4)
    ]
    assert fields == [1, 16, 34, 70]


def test_unconditional_d_does_not_look_at_x():
    method, data = make(conditional=False), batch()
    a, b = method.judge(data["x"], data["y"]), method.judge(-data["x"], data["y"])
    assert torch.equal(a, b)
    method = make()
    assert not torch.equal(method.judge(data["x"], data["y"]), method.judge(-data["x"], data["y"]))


def test_translate_has_noise_only_where_asked():
    method, x = make(dropout=0.5), batch()["x"]
    outputs = [method.translate(x, dropout=on)["fake_y"] for on in (False, False, True, True)]
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[2], outputs[3])
    assert not torch.equal(
        method.translate(x, False, True)["fake_y"], method.translate(x, False, False)["fake_y"]
    )
    paper = make(dropout=0.5)  # the paper's default keeps both on
    assert not torch.equal(paper.translate(x)["fake_y"], paper.translate(x)["fake_y"])


def test_the_settings_say_which_networks_are_built():
    assert [make(conditional=on).D.layers[0].in_channels for on in (True, False)] == [6, 3]
    assert isinstance(make(generator="encoder-decoder").G, EncoderDecoder) and not isinstance(
        make().G, EncoderDecoder
    )


def test_the_defaults_are_the_papers():
    paper = Config()
    assert (paper.lambda_l1, paper.lr, paper.beta1, paper.d_layers) == (100, 2e-4, 0.5, 3)


def test_lab_is_learned_as_in_the_paper_and_shown_as_images():
    """G sees L and paints a and b, D sees all three, L1 is of a and b, and translate() returns RGB of the same L."""
    method, data = make(in_channels=1, out_channels=2), batch()
    assert method.G.encoder[0][0].in_channels == 1 and method.D.layers[0].in_channels == 3
    x, y = method.as_seen(data["x"], data["y"])
    assert x.shape[1] == 1 and y.shape[1] == 2
    with torch.no_grad():
        expected = (method.G(x) - y).abs().mean()  # in training mode, as in the step
    assert make(in_channels=1, out_channels=2).step(data)["g_l1"] == pytest.approx(
        expected.item(), rel=1e-4
    )
    fake = method.translate(data["x"] * 0.2, batch_statistics=False)["fake_y"]
    light = [rgb_to_lab(image)[:, 0] for image in (fake, data["x"] * 0.2)]
    assert fake.shape == (2, 3, 16, 16) and torch.allclose(*light, atol=1)
    assert make(in_channels=1, out_channels=1).translate(data["x"])["fake_y"].std(1).max() == 0
    with pytest.raises(CourseError, match="in_channels cannot be 2"):
        configs.build(Config, **configs.parse(Config, ["in_channels=2", "out_channels=2"]))


def test_channels_do_not_change_who_pix2pix_was():
    """Older runs, and the keys of older sweeps, know neither channels nor --load."""
    assert not {"in_channels", "out_channels", "load"} & configs.identity(Config()).keys()
    assert configs.identity(replace(SMALL, in_channels=1))["in_channels"] == 1
