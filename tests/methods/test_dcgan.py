"""DCGAN: the paper's layers by hand arithmetic, who is updated by what, and a method that translates nothing."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from course_lib import CourseError, losses
from course_lib.methods.dcgan import DCGAN, Config
from course_lib.networks import DCGANDiscriminator, DCGANGenerator, parameter_count
from tests.methods.contract import assert_same_weights

SMALL = Config(image_size=16, z_dim=5, base_channels=4, d_base_channels=4, batch_size=6)


def make(**changes) -> DCGAN:
    torch.manual_seed(0)
    return DCGAN(replace(SMALL, **changes))


def batch(n: int = 6) -> dict:
    return {"y": torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(7)) * 2 - 1}


# ---- networks


def test_generator_is_the_papers():
    """z of 100 -> 4x4x1024 -> 512 -> 256 -> 128 -> 3, 5x5, stride 2; batch norm and ReLU but at the end; no bias."""
    with torch.device("meta"):
        G = DCGANGenerator()
    names = [type(layer).__name__ for layer in G.layers]
    block = ["ConvTranspose2d", "BatchNorm2d", "ReLU"]
    assert names == [*block * 4, "ConvTranspose2d", "Tanh"]
    convs = [layer for layer in G.layers if isinstance(layer, nn.ConvTranspose2d)]
    assert [(c.in_channels, c.out_channels) for c in convs] == [
        (100, 1024), (1024, 512), (512, 256), (256, 128), (128, 3)
    ]  # fmt: skip
    assert [(c.kernel_size[0], c.stride[0]) for c in convs] == [
        (4, 1),
        (5, 2),
        (5, 2),
        (5, 2),
        (5, 2),
    ]
    projection = 100 * 4 * 4 * 1024
    kernels = 5 * 5 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    norms = 2 * (1024 + 512 + 256 + 128)
    assert parameter_count(G) == projection + kernels + norms == 18_855_040
    h, sides = torch.empty(1, 100, 1, 1, device="meta"), []
    for layer in G.layers:
        h = layer(h)
        sides += [h.shape[-1]] if isinstance(layer, nn.ConvTranspose2d) else []
    assert sides == [4, 8, 16, 32, 64]


def test_discriminator_mirrors_it():
    with torch.device("meta"):
        D = DCGANDiscriminator()
    names = [type(layer).__name__ for layer in D.layers]
    assert names == [
        "Conv2d",
        "LeakyReLU",
        *["Conv2d", "BatchNorm2d", "LeakyReLU"] * 3,
        "Conv2d",
        "Flatten",
    ]
    assert all(layer.negative_slope == 0.2 for layer in D.layers if isinstance(layer, nn.LeakyReLU))
    kernels = 5 * 5 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024)
    norms, last = 2 * (256 + 512 + 1024), 4 * 4 * 1024
    assert parameter_count(D) == kernels + norms + last == 17_232_768


def test_initialisation_is_the_papers():
    torch.manual_seed(0)
    for net in (DCGANGenerator(32, 100, 32), DCGANDiscriminator(32, 32)):
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                assert (
                    layer.weight.std().item() == pytest.approx(0.02, rel=0.1) and layer.bias is None
                )


@pytest.mark.parametrize("upsampling", ["transposed", "resize-conv"])
@pytest.mark.parametrize("size", [16, 32, 128])
def test_other_sizes(size, upsampling):
    fake = DCGANGenerator(size, z_dim=7, base_channels=2, upsampling=upsampling)(torch.randn(3, 7))
    assert fake.shape == (3, 3, size, size) and fake.abs().max() <= 1
    assert DCGANDiscriminator(size, base_channels=2)(fake).shape == (3, 1)


@pytest.mark.parametrize("size", [8, 48, 0])
@pytest.mark.parametrize("net", [DCGANGenerator, DCGANDiscriminator])
def test_size_must_be_a_power_of_two_from_16(net, size):
    with pytest.raises(CourseError, match="power of two of at least 16"):
        net(image_size=size)


# ---- losses


def test_gradients_saturating_and_not():
    """d/da of log(1 - sigmoid(a)) is -sigmoid(a), that of -log sigmoid(a) is sigmoid(a) - 1."""
    logits = torch.linspace(-9, 9, 19, dtype=torch.float64, requires_grad=True)
    n, p = len(logits), torch.sigmoid(logits).detach()
    (saturating,) = torch.autograd.grad(losses.log_generator_saturating(logits), logits)
    (working,) = torch.autograd.grad(losses.log_generator(logits), logits)
    assert torch.allclose(saturating * n, -p) and torch.allclose(working * n, p - 1)
    assert (
        saturating[0].abs() * n < 2e-4 < 0.999 < working[0].abs() * n
    )  # where D is sure that it is fake


# ---- the step


def test_step_equals_the_equations():
    """Three steps of the library and of the equations with plain Adam, float32: same terms, gradients and weights."""
    method, reference, y = make(), make(), batch()["y"]
    G, D = reference.G, reference.D
    opt_G = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
    for i in range(3):
        torch.manual_seed(i)
        terms = method.step({"y": y})
        torch.manual_seed(i)
        fake = G(torch.rand(6, 5) * 2 - 1)
        d_real, d_fake = (
            -torch.sigmoid(D(y)).log().mean(),
            -(1 - torch.sigmoid(D(fake.detach()))).log().mean(),
        )
        opt_D.zero_grad()
        (d_real + d_fake).backward()
        opt_D.step()
        g_gan = -torch.sigmoid(D(fake)).log().mean()
        opt_G.zero_grad()
        grads_D = [p.grad.clone() for p in D.parameters()]
        g_gan.backward()
        opt_G.step()
        expected = {"d_real": d_real, "d_fake": d_fake, "g_gan": g_gan}
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-4)
        theirs = [p.grad for p in G.parameters()] + grads_D
        ours = [p.grad for net in (method.G, method.D) for p in net.parameters()]
        for a, b in zip(ours, theirs, strict=True):
            assert torch.allclose(a, b, rtol=1e-3, atol=1e-6)
    assert_same_weights(method.G, G, 2e-5)


def test_d_steps_cut_the_batch():
    """Three updates of D, each on new images and new noise, for one of G."""
    method, seen, updates = make(d_steps=3), [], {"G": 0, "D": 0}
    judge = method.judge
    method.judge = lambda y: seen.append(y.detach().clone()) or judge(y)
    for name in updates:
        optimizer, step = getattr(method, f"opt_{name}"), getattr(method, f"opt_{name}").step
        optimizer.step = lambda name=name, step=step: (
            updates.update({name: updates[name] + 1}),
            step(),
        )
    data = batch()
    method.step(data)
    assert updates == {"G": 1, "D": 3}
    real, fake = seen[0:6:2], seen[1:6:2]
    assert torch.equal(torch.cat(real), data["y"]) and [len(y) for y in real] == [2, 2, 2]
    assert not torch.equal(fake[0], fake[1]) and torch.equal(seen[6], fake[2])
    with pytest.raises(CourseError, match="cannot be cut into 4"):
        Config(batch_size=6, d_steps=4)


@pytest.mark.parametrize("gan_loss", ["log", "log-saturating", "least-squares"])
def test_only_the_saturating_loss_is_below_0(gan_loss):
    assert (make(gan_loss=gan_loss).step(batch())["g_gan"] < 0) == (gan_loss == "log-saturating")


def test_the_defaults_are_the_papers():
    paper = Config()
    assert (paper.lr, paper.beta1, paper.batch_size, paper.z_dim) == (2e-4, 0.5, 128, 100)


# ---- sampling


def test_noise_is_the_prior():
    uniform, normal = (make(prior=prior).noise(2000) for prior in ("uniform", "normal"))
    assert uniform.abs().max() <= 1 and uniform.std().item() == pytest.approx(3**-0.5, rel=0.02)
    assert normal.abs().max() > 2 and normal.std().item() == pytest.approx(1, rel=0.05)


def test_sample_changes_no_state_and_repeats():
    method = make(average=0.9)
    method.step(batch())
    before = {k: v.clone() for k, v in method.averaged["G"].state_dict().items()}
    z = method.noise(4)
    for statistics in (True, False):
        a, b = method.generate(z, statistics), method.generate(z, statistics)
        assert torch.equal(a, b) and a.shape == (4, 3, 16, 16) and not a.requires_grad
    alone = torch.cat([method.generate(one[None], False) for one in z])
    assert torch.allclose(
        alone, method.generate(z, False), atol=1e-6
    )  # running statistics: no image sees another
    assert not torch.allclose(alone, method.generate(z, True), atol=1e-4)
    assert all(torch.equal(v, before[k]) for k, v in method.averaged["G"].state_dict().items())
    assert not torch.equal(method.generate(4), method.generate(4))
