"""One pix2pix step: who is updated by what, in which order, and every ablation as configuration."""

from dataclasses import replace

import pytest
import torch

from course_lib import losses
from course_lib.methods.pix2pix import PRESETS, Config, Pix2Pix
from course_lib.networks import EncoderDecoder, receptive_field

SMALL = Config(image_size=16, base_channels=4, d_base_channels=4, d_layers=1, batch_size=2, dropout=0.0)


def batch(size: int = 16, n: int = 2) -> dict:
    generator = torch.Generator().manual_seed(7)
    return {key: torch.rand(n, 3, size, size, generator=generator) * 2 - 1 for key in ("x", "y")}


def make(**changes) -> Pix2Pix:
    torch.manual_seed(0)
    return Pix2Pix(replace(SMALL, **changes))


def weights(net) -> list[torch.Tensor]:
    return [p.detach().clone() for p in net.parameters()]


def moved(net, before) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(net.parameters(), before, strict=True))


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
        real, fake = torch.sigmoid(D(torch.cat([x, y], 1))), torch.sigmoid(D(torch.cat([x, fake_y.detach()], 1)))
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
    for ours, theirs in zip(method.G.parameters(), G.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-5)


def test_d_step_leaves_g_alone_and_g_step_leaves_d_alone():
    method, data = make(), batch()
    fake_y = method.G(data["x"])
    terms = method.discriminator_terms(data["x"], data["y"], fake_y.detach())
    sum(terms.values()).backward()
    assert all(p.grad is None for p in method.G.parameters())
    assert all(p.grad is not None for p in method.D.parameters())
    method.step(data)
    grads = [p.grad.clone() for p in method.D.parameters()]
    method.opt_G.zero_grad()
    method.D.requires_grad_(False)
    sum(method.generator_terms(data["x"], data["y"], method.G(data["x"])).values()).backward()
    assert all(torch.equal(p.grad, g) for p, g in zip(method.D.parameters(), grads, strict=True))
    assert all(p.grad is not None for p in method.G.parameters())


def test_both_networks_move():
    method = make()
    before_G, before_D = weights(method.G), weights(method.D)
    method.step(batch())
    assert moved(method.G, before_G) and moved(method.D, before_D)


def test_g_sees_the_updated_d():
    """Order of updates: D first. g_gan of the step is that of the new D on the step's fake."""
    method, data = make(), batch()
    fake_y = method.G(data["x"]).detach()
    old = losses.log_generator(method.judge(data["x"], fake_y)).item()
    terms = method.step(data)
    new = losses.log_generator(method.judge(data["x"], fake_y)).item()
    assert terms["g_gan"] == pytest.approx(new, rel=1e-5) and abs(new - old) > 1e-4


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"lambda_gan": 0.0}, {"g_l1"}),
        ({"lambda_l1": 0.0, "conditional": False}, {"d_real", "d_fake", "g_gan"}),
        ({"lambda_l1": 0.0}, {"d_real", "d_fake", "g_gan"}),
        ({"conditional": False}, {"d_real", "d_fake", "g_gan", "g_l1"}),
        ({"gan_loss": "least-squares"}, {"d_real", "d_fake", "g_gan", "g_l1"}),
        ({"generator": "encoder-decoder"}, {"d_real", "d_fake", "g_gan", "g_l1"}),
        ({"upsampling": "resize-conv", "norm": "instance"}, {"d_real", "d_fake", "g_gan", "g_l1"}),
        ({"average": 0.9, "dropout": 0.5}, {"d_real", "d_fake", "g_gan", "g_l1"}),
    ],
)
def test_ablations_are_configuration(changes, names):
    method = make(**changes)
    before_D = weights(method.D)
    terms = method.step(batch())
    assert terms.keys() == names  # a term of weight 0 is not computed
    assert moved(method.D, before_D) == ("g_gan" in names)
    assert method.D.layers[0].in_channels == (6 if method.config.conditional else 3)
    assert isinstance(method.G, EncoderDecoder) == (method.config.generator == "encoder-decoder")


def test_patch_sizes_are_configuration():
    fields = [receptive_field(Pix2Pix(replace(SMALL, image_size=64, d_layers=n)).D) for n in range(4)]
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
    assert not torch.equal(method.translate(x, False, True)["fake_y"], method.translate(x, False, False)["fake_y"])
    paper = make(dropout=0.5)  # the paper's default keeps both on
    assert not torch.equal(paper.translate(x)["fake_y"], paper.translate(x)["fake_y"])


def test_average_is_what_translates():
    method, data = make(average=0.5, test_dropout=False, test_batch_statistics=False), batch()
    method.step(data)
    with torch.no_grad():
        for p in method.averaged["G"].parameters():
            p.zero_()
    assert method.translate(data["x"])["fake_y"].abs().max() == 0


def test_bfloat16_keeps_losses_in_float32_and_close():
    data = batch()
    plain, fast = make(), Pix2Pix(SMALL, bf16=True)
    fast.G.load_state_dict(plain.G.state_dict())
    fast.D.load_state_dict(plain.D.state_dict())
    terms = fast.discriminator_terms(data["x"], data["y"], data["x"])
    assert all(term.dtype == torch.float32 for term in terms.values())
    a, b = plain.step(data), fast.step(data)
    assert a == pytest.approx(b, rel=0.05) and a != b


def test_presets_are_valid():
    for values in PRESETS.values():
        Config(**values)
    assert Config() == Config(**PRESETS["paper"])
    assert (Config().lambda_l1, Config().lr, Config().beta1, Config().d_layers) == (100, 2e-4, 0.5, 3)
