"""One BicycleGAN step: which term reaches which network, and what z does."""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal, kl_divergence

from course_lib import CourseError
from course_lib.methods.bicyclegan import BicycleGAN, Config, kl
from course_lib.networks.bicycle import (
    CNNEncoder,
    CodedUNet,
    MultiScalePatchGAN,
    ResNetEncoder,
    xavier_weights,
)
from course_lib.networks.blocks import parameter_count, receptive_field
from course_lib.networks.generators import UNet
from tests.methods.contract import assert_same_weights, has_gradient, in_float64, step, weights
from tests.support.tensors import pairs

SMALL = Config(
    image_size=32, z_dim=3, base_channels=4, e_base_channels=4, d_base_channels=4, d_layers=1,
    dropout=0.0, init="normal", batch_size=2,
)  # fmt: skip


batch = partial(pairs, size=32)


def make(bf16: bool = False, **changes) -> BicycleGAN:
    torch.manual_seed(0)
    return BicycleGAN(replace(SMALL, **changes), bf16=bf16)


# ---- networks


def test_parameter_counts_are_the_papers():
    """Of z at the input, and of two equal scales; the others are in test_authors.py."""
    with torch.device("meta"):
        assert parameter_count(CodedUNet(8, "input", norm="instance")) == 54_417_795
        assert parameter_count(CodedUNet(8, "input")) == 54_422_147
        assert parameter_count(CodedUNet(8, "all")) == 54_798_979
        assert parameter_count(MultiScalePatchGAN()) == 2 * 2_764_737


@pytest.mark.parametrize(("z_at", "coded"), [("input", 1), ("all", 5)])
@pytest.mark.parametrize("z_dim", [1, 8, 256])
def test_z_is_added_where_it_should_be(z_at, coded, z_dim):
    """The plain U-Net in all but the inputs of the first ``coded`` blocks on the way down."""
    G = CodedUNet(z_dim, z_at, image_size=32, base_channels=4)
    plain = UNet(
        image_size=32, base_channels=4, dropout_innermost=False
    )  # the authors' of this paper leave it out
    shapes = [[tuple(p.shape) for p in net.parameters()] for net in (G, plain)]
    assert [str(m) for m in G.decoder.modules()] == [str(m) for m in plain.decoder.modules()]
    more = [a[1] - b[1] if len(a) == 4 else 0 for a, b in zip(*shapes, strict=True)]
    assert [extra for extra in more if extra] == [z_dim] * coded and more[0] == z_dim
    conv = G.encoder[0][0]
    assert conv.weight.std().item() == pytest.approx(
        0.02, rel=0.2
    )  # the new layers are initialised like the others
    assert G(torch.zeros(2, 3, 32, 32), torch.zeros(2, z_dim)).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("encoder", [ResNetEncoder, CNNEncoder])
@pytest.mark.parametrize("size", [16, 32, 64, 256])
def test_encoders_look_at_an_8x8_map(encoder, size):
    E = encoder(5, size, 4)
    y = torch.randn(3, 3, size, size)
    assert E.layers(y).shape[2:] == (8, 8)
    mu, logvar = E(y)
    assert mu.shape == logvar.shape == (3, 5) and not torch.equal(mu, logvar)
    assert not torch.allclose(mu[0], mu[1]) and torch.allclose(E(y[1:2])[0], mu[1:2], atol=1e-6)


def test_encoders_have_the_papers_widths():
    with torch.device("meta"):
        resnet, cnn = ResNetEncoder(), CNNEncoder()
    assert [block.shortcut[1].out_channels for block in resnet.layers[1:-1]] == [128, 192, 256, 256]
    assert [m.out_channels for m in cnn.layers if isinstance(m, nn.Conv2d)] == [
        64,
        128,
        256,
        256,
        256,
    ]
    for size in (8, 48):
        with pytest.raises(CourseError, match=f"at least 16, got {size}"):
            ResNetEncoder(image_size=size)


def test_scales_are_the_same_network_on_a_smaller_image():
    D = MultiScalePatchGAN(3, 4, 3)
    assert [receptive_field(net) for net in D.scales] == [70, 70]  # 70 and 140 px of the full image
    image = torch.randn(2, 3, 256, 256)
    maps = D(image)
    assert [tuple(m.shape) for m in maps] == [(2, 1, 30, 30), (2, 1, 14, 14)]
    assert torch.equal(maps[0], D.scales[0](image))
    small = F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)
    assert torch.equal(maps[1], D.scales[1](small))
    D = MultiScalePatchGAN(1, 4, 1, n_scales=3)
    D.scales[2] = nn.Identity()
    assert torch.allclose(
        D(torch.ones(1, 1, 32, 32))[2], torch.ones(1, 1, 8, 8)
    )  # the border is not darker


def test_xavier_is_the_authors():
    """std = gain * sqrt(2 / (fan in + fan out)); the preset of the paper has it in all networks."""
    net = xavier_weights(nn.Conv2d(64, 128, 4))
    assert net.weight.std().item() == pytest.approx(
        0.02 * (2 / (16 * 64 + 16 * 128)) ** 0.5, rel=0.02
    )
    method = make(init="xavier")
    for net in (method.G, method.E, *method.D.values()):
        weight = next(p for p in net.parameters() if p.ndim == 4)
        fans = weight[0].numel() + weight[:, 0].numel()
        assert weight.std().item() == pytest.approx(0.02 * (2 / fans) ** 0.5, rel=0.25)


# ---- the code


def test_kl_is_that_of_torch():
    mu, logvar = torch.randn(4, 8, dtype=torch.float64), torch.randn(4, 8, dtype=torch.float64)
    prior = Normal(torch.zeros(8, dtype=torch.float64), 1.0)
    expected = kl_divergence(Normal(mu, (0.5 * logvar).exp()), prior).sum(1).mean()
    assert torch.allclose(kl(mu, logvar), expected, rtol=1e-12)
    zero = torch.zeros(3, 8)
    assert kl(zero, zero) == 0 and kl(zero + 1, zero) == 4  # of one image, whatever the batch


def test_drawing_is_reparameterised():
    method, n = make(), 40_000
    mu = torch.tensor([[-1.0, 0.0, 2.0]], requires_grad=True)
    logvar = torch.tensor([[-2.0, 0.0, 1.0]], requires_grad=True)
    z = method.draw(mu.expand(n, 3), logvar.expand(n, 3))
    std = (0.5 * logvar).exp()
    assert torch.allclose(z.mean(0), mu[0], atol=4 * std.max().item() / n**0.5)
    assert torch.allclose(z.std(0), std[0], rtol=0.02)
    z.square().sum(1).mean().backward()  # its expectation is mu^2 + exp(logvar)
    assert torch.allclose(mu.grad, 2 * mu.detach(), atol=0.05)
    assert torch.allclose(logvar.grad, logvar.detach().exp(), rtol=0.05)
    assert torch.equal(make(variant="cAE-GAN").draw(mu, logvar), mu)


# ---- the step


def test_step_equals_the_equations():
    """Three steps against section 3 written out, with plain Adam in float64."""
    method, ref = in_float64(make(), make())
    method.read = method.E  # run() and the like end in float32
    method.paint = lambda x, *codes: [method.G(x, z) for z in codes]
    method.judge = lambda cycle, _, y: method.D[cycle](y)
    method.noise = lambda n: torch.randn(n, 3, dtype=torch.float64)
    G, E, D, D2 = ref.G, ref.E, ref.D["encoded"], ref.D["random"]
    opt_G, opt_E, opt_D, opt_D2 = (
        torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999)) for n in (G, E, D, D2)
    )
    data = batch(3, dtype=torch.float64)
    x, y = data["x"], data["y"]
    for seed in range(3):
        terms = step(method, data, seed)
        torch.manual_seed(seed)
        mu, logvar = E(y)
        sigma = torch.sqrt(torch.exp(logvar))
        fake = G(x, mu + sigma * torch.randn(3, 3, dtype=torch.float64))
        z = torch.randn(3, 3, dtype=torch.float64)
        fake2 = G(x, z)
        expected = {
            "g_gan_encoded": sum(((m - 1) ** 2).mean() for m in D(fake)),
            "g_l1_encoded": (y - fake).abs().mean(),
            "g_kl_encoded": (0.5 * (mu**2 + sigma**2 - 1 - torch.log(sigma**2)).sum(1)).mean(),
            "g_gan_random": sum(((m - 1) ** 2).mean() for m in D2(fake2)),
            "g_latent_random": (z - E(fake2)[0]).abs().mean(),
        }
        gan, l1, divergence, gan2, latent = expected.values()
        for optimizer in (opt_G, opt_E):
            optimizer.zero_grad()
        shared = list(G.parameters())
        of_latent = torch.autograd.grad(0.5 * latent, shared, retain_graph=True)  # of G alone
        (gan + 10 * l1 + 0.01 * divergence + gan2).backward()
        for p, grad in zip(shared, of_latent, strict=True):
            p.grad += grad
        for optimizer in (opt_G, opt_E):
            optimizer.step()
        for D_, optimizer, made, cycle in (
            (D, opt_D, fake, "encoded"),
            (D2, opt_D2, fake2, "random"),
        ):
            d_real = sum(((m - 1) ** 2).mean() for m in D_(y))
            d_fake = sum((m**2).mean() for m in D_(made.detach()))
            optimizer.zero_grad()
            (d_real + d_fake).backward()
            optimizer.step()
            expected |= {f"d_real_{cycle}": d_real, f"d_fake_{cycle}": d_fake}
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-9)
    for ours, theirs in (
        (method.G, G),
        (method.E, E),
        (method.D["encoded"], D),
        (method.D["random"], D2),
    ):
        assert_same_weights(ours, theirs)


NONE = {"lambda_gan": 0.0, "lambda_l1": 0.0, "lambda_kl": 0.0, "lambda_latent": 0.0}


@pytest.mark.parametrize(
    ("term", "changes", "moved"),
    [
        ("g_gan_encoded", {"lambda_gan": 1.0, "variant": "cVAE-GAN"}, {"G", "E"}),
        ("g_l1_encoded", {"lambda_l1": 1.0}, {"G", "E"}),
        ("g_kl_encoded", {"lambda_kl": 1.0}, {"E"}),
        ("g_gan_random", {"lambda_gan": 1.0, "variant": "cLR-GAN"}, {"G"}),
        ("g_l1_random", {"lambda_l1": 1.0, "variant": "pix2pix+noise"}, {"G"}),
        ("g_latent_random", {"lambda_latent": 1.0, "latent_moves": "G"}, {"G"}),
        ("g_latent_random", {"lambda_latent": 1.0, "latent_moves": "G+E"}, {"G", "E"}),
        (
            "g_latent_random",
            {"lambda_latent": 1.0, "variant": "cLR-GAN"},
            {"G", "E"},
        ),  # E has nothing else
    ],
)
def test_a_term_moves_whom_it_should(term, changes, moved):
    method = make(**NONE | changes)
    before = {name: weights(net) for name, net in method.networks.items()}
    assert {name for name in step(method, batch()) if name.startswith("g_")} == {term}
    learners = [name for name in ("G", "E") if name in method.networks]
    assert {name for name in learners if has_gradient(method.networks[name])} == moved
    for name in learners:
        still = all(
            torch.equal(a, b)
            for a, b in zip(method.networks[name].parameters(), before[name], strict=True)
        )
        assert still == (name not in moved)


def test_the_objective_is_summed_over_the_scales():
    """D says 3 at full size and 5 at half: G's term is 4 + 16, D's on a fake 9 + 25."""
    method, data = make(), batch()
    method.D = dict.fromkeys(
        method.D, lambda _: [torch.full((2, 1, 6, 6), 3.0), torch.full((2, 1, 2, 2), 5.0)]
    )
    d = method.discriminator_terms("random", **data, fake_y=data["x"])
    assert d == {"d_real_random": 20, "d_fake_random": 34}
    assert method.fooling("encoded", data["x"], data["y"]) == 20


def test_only_a_conditional_d_looks_at_x():
    for conditional in (False, True):
        method, data = make(conditional=conditional), batch()
        a, b = (method.judge("random", x, data["y"]) for x in (data["x"], -data["x"]))
        assert torch.equal(a[0], b[0]) == torch.equal(a[1], b[1]) == (not conditional)


def test_configurations_that_cannot_be():
    with pytest.raises(CourseError, match="no term is left for cLR-GAN"):
        replace(SMALL, variant="cLR-GAN", lambda_gan=0.0, lambda_latent=0.0)
    with pytest.raises(CourseError, match="at least 24 px at its coarsest scale, got 16"):
        replace(SMALL, d_layers=3)


# ---- translating


def test_only_a_variant_with_an_encoder_encodes():
    method, y = make(), batch()["y"]
    mu, logvar = method.encode_distribution(y)
    assert torch.equal(method.encode(y), mu) and mu.shape == logvar.shape == (2, 3)
    assert not make(variant="pix2pix+noise").reads_codes
    with pytest.raises(CourseError, match=r"pix2pix\+noise has no encoder"):
        make(variant="pix2pix+noise").encode(y)
