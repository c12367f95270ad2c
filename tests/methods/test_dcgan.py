"""DCGAN: the paper's layers by hand arithmetic, and a step that is its equations."""

import pytest
import torch

from course_lib import CourseError
from course_lib.networks import DCGANDiscriminator, DCGANGenerator
from tests.methods.contract import assert_same_weights
from tests.methods.test_contract import CASES
from tests.support.tensors import parameter_count

make = CASES["dcgan"].make


def batch(n: int = 6) -> dict:
    return {"y": torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(7)) * 2 - 1}


# ---- networks


def test_the_networks_have_the_papers_parameters():
    """4x4x1024 -> 512 -> 256 -> 128 -> 3 by 5x5 kernels, norms but at the end, and no bias."""
    kernels = 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    with torch.device("meta"):
        G, D = DCGANGenerator(), DCGANDiscriminator()
    assert parameter_count(G) == 100 * 16 * 1024 + kernels + 2 * (1024 + 512 + 256 + 128)
    assert parameter_count(D) == 17_232_768


@pytest.mark.parametrize("size", [8, 48, 0])
@pytest.mark.parametrize("net", [DCGANGenerator, DCGANDiscriminator])
def test_size_must_be_a_power_of_two_from_16(net, size):
    with pytest.raises(CourseError, match="power of two of at least 16"):
        net(image_size=size)


# ---- the step


def test_step_equals_the_equations():
    """Three steps against GAN's eq. 1, non-saturating, written out with plain Adam."""
    method, reference, y = make(), make(), batch()["y"]
    G, D = reference.G, reference.D
    opt_G = torch.optim.Adam(G.parameters(), 2e-4, (0.5, 0.999))
    opt_D = torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999))
    for i in range(3):
        torch.manual_seed(i)
        terms = method.step({"y": y})
        torch.manual_seed(i)
        fake = G(torch.rand(6, 5) * 2 - 1)
        d_real = -torch.sigmoid(D(y)).log().mean()
        d_fake = -(1 - torch.sigmoid(D(fake.detach()))).log().mean()
        opt_D.zero_grad()
        (d_real + d_fake).backward()
        opt_D.step()
        g_gan = -torch.sigmoid(D(fake)).log().mean()
        opt_G.zero_grad()
        g_gan.backward()
        opt_G.step()
        expected = {"d_real": d_real, "d_fake": d_fake, "g_gan": g_gan}
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-4)
    assert_same_weights(method.G, G, 2e-5)


# ---- sampling


def test_noise_is_the_prior():
    uniform, normal = (make(prior=prior).noise(2000) for prior in ("uniform", "normal"))
    assert uniform.abs().max() <= 1 and uniform.std().item() == pytest.approx(3**-0.5, rel=0.02)
    assert normal.abs().max() > 2 and normal.std().item() == pytest.approx(1, rel=0.05)
    for prior in ("uniform", "normal"):  # as the protocol's noise(n, seed)
        method, state = make(prior=prior), torch.get_rng_state()
        one, same, other = (method.noise(4, seed=seed) for seed in (1, 1, 2))
        assert torch.equal(one, same) and not torch.equal(one, other)
        assert torch.equal(state, torch.get_rng_state())


def test_an_image_sees_the_batch_only_by_its_statistics():
    method = make()
    method.step(batch())
    z = method.noise(4)
    alone = torch.cat([method.generate(one[None], False) for one in z])
    assert torch.allclose(alone, method.generate(z, False), atol=1e-6)
    assert not torch.allclose(alone, method.generate(z, True), atol=1e-4)
