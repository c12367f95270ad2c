"""CoGAN and BiGAN, rows of CycleGAN's tables: what is shared, what the search finds, which pair D sees as what."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from course_lib import CourseError
from course_lib.methods import cyclegan
from course_lib.methods.baselines import bigan, cogan
from course_lib.methods.baselines.bigan import BiGAN
from course_lib.methods.baselines.cogan import CoGAN
from course_lib.networks import parameter_count
from course_lib.networks.blocks import inference
from course_lib.networks.coupled import CoupledDiscriminators, CoupledGenerators
from tests.support.tensors import pairs as batch

SMALL = {
    CoGAN: cogan.Config(
        image_size=16,
        z_dim=5,
        own_layers=1,
        base_channels=4,
        d_base_channels=4,
        search_steps=3,
        search_starts=2,
    ),
    BiGAN: bigan.Config(image_size=16, base_channels=4, n_blocks=1, d_base_channels=4, d_layers=1),
}


def make(cls, seed: int = 0, bf16: bool = False, **changes):
    torch.manual_seed(seed)
    return cls(replace(SMALL[cls], **changes), bf16=bf16)


def flat(value: float) -> torch.Tensor:
    return torch.full((1, 3, 16, 16), float(value))


def has_grads(net) -> bool:
    grads = [p.grad is not None for p in net.parameters()]
    assert len(set(grads)) == 1
    return grads[0]


def check_weights(ours, theirs):
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        if (
            b.grad.abs().max() > 1e-6
        ):  # a bias before instance norm has only rounding errors, which Adam enlarges
            assert torch.allclose(a, b, atol=2e-5)


# ---- what the two have in common


def test_bigan_at_profile_cpu_is_as_large_as_cyclegan():
    ours, theirs = (module.Config(**module.PRESETS["cpu"]) for module in (bigan, cyclegan))
    same = (
        "base_channels",
        "n_blocks",
        "d_base_channels",
        "d_layers",
        "lr",
        "batch_size",
        "gan_loss",
        "average",
    )
    assert all(getattr(ours, name) == getattr(theirs, name) for name in same)
    with pytest.raises(CourseError, match="at least 24 px"):
        bigan.Config(image_size=16, d_layers=3)
    with pytest.raises(CourseError, match="multiple of 4"):
        bigan.Config(image_size=30)


# ---- CoGAN


def test_coupled_networks_count_what_they_share_once():
    """DCGAN's 18,855,040 and 17,232,768, and one more of the two layers at each end that have an owner."""
    with torch.device("meta"):
        G, D = CoupledGenerators(), CoupledDiscriminators()
    assert (
        parameter_count(G)
        == 18_855_040 + 25 * (256 * 128 + 128 * 3) + 2 * (256 + 128)
        == 19_684_608
    )
    assert parameter_count(D) == 17_232_768 + 25 * (3 * 128 + 128 * 256) + 2 * 256 == 18_062_080
    assert G.shared(torch.empty(2, 100, 1, 1, device="meta")).shape == (2, 256, 16, 16)
    assert D.own["x"](torch.empty(2, 3, 64, 64, device="meta")).shape == (2, 256, 16, 16)


@pytest.mark.parametrize("net", [CoupledGenerators, CoupledDiscriminators])
@pytest.mark.parametrize("own_layers", [0, 3])
def test_something_is_shared_and_something_owned(net, own_layers):
    with pytest.raises(CourseError, match=f"of 3 upsamplings, {own_layers} cannot"):
        net(image_size=32, base_channels=2, own_layers=own_layers)


def test_sharing_is_real():
    """Both domains move the shared layers, each moves its own alone."""
    method = make(CoGAN)
    assert not {id(p) for p in method.G.own["x"].parameters()} & {
        id(p) for p in method.G.own["y"].parameters()
    }
    fakes = method.G(method.noise(4))
    grads = {}
    for domain, other in ("xy", "yx"):
        method.G.zero_grad()
        method.generator_terms(*fakes)[f"g_gan_{domain}"].backward(retain_graph=True)
        assert has_grads(method.G.own[domain]) and not has_grads(method.G.own[other])
        grads[domain] = [p.grad.clone() for p in method.G.shared.parameters()]
        assert all(grad.any() for grad in grads[domain])
        method.D.zero_grad()
        image = batch()[domain]
        method.judge(image, domain).sum().backward()
        assert (
            has_grads(method.D.shared)
            and has_grads(method.D.own[domain])
            and not has_grads(method.D.own[other])
        )
    method.G.zero_grad()
    sum(method.generator_terms(*fakes).values()).backward()
    for p, from_x, from_y in zip(method.G.shared.parameters(), grads["x"], grads["y"], strict=True):
        assert torch.allclose(p.grad, from_x + from_y, rtol=1e-3, atol=1e-7)
    h = method.G.shared(torch.ones(2, 5, 1, 1))
    assert torch.equal(method.G(torch.ones(2, 5), "y")[0], method.G.own["y"](h))


def test_cogan_terms_by_hand():
    """D_x doubles the colour, D_y triples it; reals 2 and 3, fakes 5 and 7."""
    method = make(CoGAN)
    method.D = lambda image, domain: image[:, :1, 0, 0] * {"x": 2, "y": 3}[domain]
    d = method.discriminator_terms(flat(2), flat(3), fake_x=flat(5), fake_y=flat(7))
    logits = {"d_real_x": -4.0, "d_fake_x": 10.0, "d_real_y": -9.0, "d_fake_y": 21.0}
    assert d == pytest.approx({k: F.softplus(torch.tensor(v)).item() for k, v in logits.items()})
    g = method.generator_terms(flat(-5), flat(-7))
    assert g == pytest.approx({"g_gan_x": F.softplus(torch.tensor(10.0)).item(), "g_gan_y": 21.0})


def test_cogan_step_equals_the_equations():
    method, reference, data = make(CoGAN), make(CoGAN), batch(4)
    G, D, x, y = reference.G, reference.D, data["x"], data["y"]
    opt_G = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
    for i in range(3):
        torch.manual_seed(i)
        terms = method.step(data)
        torch.manual_seed(i)
        fake_x, fake_y = G(torch.rand(4, 5) * 2 - 1)
        expected = {
            "d_real_x": -torch.sigmoid(D(x, "x")).log().mean(),
            "d_fake_x": -(1 - torch.sigmoid(D(fake_x.detach(), "x"))).log().mean(),
            "d_real_y": -torch.sigmoid(D(y, "y")).log().mean(),
            "d_fake_y": -(1 - torch.sigmoid(D(fake_y.detach(), "y"))).log().mean(),
        }
        opt_D.zero_grad()
        sum(expected.values()).backward()
        opt_D.step()
        g = {
            f"g_gan_{k}": -torch.sigmoid(D(f, k)).log().mean()
            for k, f in (("x", fake_x), ("y", fake_y))
        }
        opt_G.zero_grad()
        sum(g.values()).backward()
        opt_G.step()
        assert terms == pytest.approx({k: v.item() for k, v in (expected | g).items()}, rel=1e-4)
    check_weights(method.G, G)
    check_weights(method.D, D)


def with_contrast(**changes) -> CoGAN:
    """A generator whose images differ: its norms know their inputs, its last layers are not near 0."""
    method = make(CoGAN, **changes)
    with torch.no_grad():
        for domain in "xy":
            method.G.own[domain][-2].weight.mul_(10)
        for _ in range(40):
            method.G(method.noise(16))
    return method


@pytest.mark.parametrize("way", ["xy", "yx"])
def test_search_finds_the_noise_behind_an_image(way):
    method = with_contrast(search_steps=150, search_starts=16)
    with torch.no_grad(), inference(method.G) as G:
        z, others = method.noise(3), method.noise(64)
        x, y = G(z, way)
        chance = (
            (G(others, way)[0][:, None] - x).abs().mean((2, 3, 4)).min(0).values
        )  # the best of 64 draws
    out = method.translate(x, way)
    error = (out["rec_x"] - x).abs().mean((1, 2, 3))
    assert (error < 0.2 * chance).all(), (error, chance)
    assert (out["fake_y"] - y).abs().mean() < 0.2 * (
        y - y.roll(1, 0)
    ).abs().mean()  # the partner comes out right, too


def test_search_starts_at_the_nearest_draw():
    method = with_contrast(search_starts=3, search_steps=1, search_lr=1e-9)
    starts, order = method.noise(3), [2, 0, 1, 1]
    method.noise = lambda n: starts.clone()
    with torch.no_grad(), inference(method.G) as G:
        images = G(starts[order], "y")[0]
    assert torch.allclose(method.search(images, "y"), starts[order], atol=1e-6)


def test_search_stays_where_the_prior_draws():
    method = with_contrast(search_lr=1.0, search_steps=9)
    assert method.search(batch(6)["x"]).abs().amax(1).tolist() == [1.0] * 6


# ---- BiGAN


def test_joint_d_sees_each_pair_in_order():
    """x = 2, y = 3, G_yx(y) = 5, G_xy(x) = 7 and D(x, y) = 11 x + 13 y: 94 for (5, 3), 113 for (2, 7)."""
    method = make(BiGAN)
    method.D = lambda pair: 11 * pair[:, :1] + 13 * pair[:, 3:4]
    images = [flat(value) for value in (2, 3, 5, 7)]
    assert method.discriminator_terms(*images) == {"d_real_y": 93.0**2, "d_fake_y": 113.0**2}
    assert method.generator_terms(*images) == {"g_gan_y": 112.0**2, "g_gan_x": 94.0**2}


def test_bigan_step_equals_the_equations():
    method, reference, data = make(BiGAN), make(BiGAN), batch()
    G_xy, G_yx, D, x, y = reference.G_xy, reference.G_yx, reference.D, data["x"], data["y"]
    opt_G = torch.optim.Adam([*G_xy.parameters(), *G_yx.parameters()], 2e-4, (0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
    for _ in range(3):
        terms = method.step(data)  # the pool is not full: it gives back what comes in
        fake_y, fake_x = G_xy(x), G_yx(y)
        opt_D.zero_grad()
        d = {
            "d_real_y": (D(torch.cat([fake_x.detach(), y], 1)) - 1).square().mean(),
            "d_fake_y": D(torch.cat([x, fake_y.detach()], 1)).square().mean(),
        }
        (sum(d.values()) / 2).backward()
        opt_D.step()
        g = {
            "g_gan_y": (D(torch.cat([x, fake_y], 1)) - 1).square().mean(),
            "g_gan_x": D(torch.cat([fake_x, y], 1)).square().mean(),
        }
        opt_G.zero_grad()
        sum(g.values()).backward(inputs=[*G_xy.parameters(), *G_yx.parameters()])
        opt_G.step()
        assert terms == pytest.approx({k: v.item() for k, v in (g | d).items()}, rel=1e-4)
    for ours, theirs in ((method.G_xy, G_xy), (method.G_yx, G_yx), (method.D, D)):
        check_weights(ours, theirs)


def test_bigan_pools_pairs():
    """Once the pool is full D is shown old pairs, too: x and G_xy(x) of one step, never of two."""
    method, shown = make(BiGAN, pool_size=2), []
    true_terms = method.discriminator_terms
    method.discriminator_terms = lambda x, y, fake_x, fake_y: (
        shown.append((x.clone(), fake_y.clone())), true_terms(x, y, fake_x, fake_y)
    )[1]  # fmt: skip
    made = []
    for _ in range(8):
        data = {"x": torch.rand(2, 3, 16, 16), "y": torch.rand(2, 3, 16, 16)}
        with torch.no_grad():
            made.append((data["x"], method.G_xy.train()(data["x"])))
        method.step(data)
    pairs = {x.sum().item(): fake for xs, fakes in made for x, fake in zip(xs, fakes, strict=True)}
    now = {x.sum().item() for x in made[-1][0]}
    seen = [
        (x.sum().item(), fake) for xs, fakes in shown for x, fake in zip(xs, fakes, strict=True)
    ]
    assert all(torch.allclose(fake, pairs[key], atol=1e-5) for key, fake in seen)
    assert any(key not in now for key, _ in seen[-6:]) and method.pool.images.shape == (
        2,
        6,
        16,
        16,
    )


def test_bigan_reconstruction_is_there_and_back():
    method, x = make(BiGAN), batch()["x"]
    with torch.no_grad():
        fake = method.G_yx.eval()(x)
        expected = method.G_xy.eval()(fake)
    out = method.translate(x, "yx")
    assert torch.allclose(out["fake_y"], fake, atol=1e-6) and torch.allclose(
        out["rec_x"], expected, atol=1e-6
    )
