"""CUT: PatchNCE against a plain loop, the step against the equations, who learns from what."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib import losses
from course_lib.methods.cut import CUT, Config
from course_lib.networks.blocks import BlurDown
from course_lib.networks.efficientnet import load_photo_features
from tests.methods.contract import Case, assert_same_weights, in_float64
from tests.support.tensors import pairs as batch

SMALL = {
    "image_size": 16,
    "blur": False,
    "upsampling": "transposed",
    "init": "normal",
    "base_channels": 4,
    "n_blocks": 2,
    "d_base_channels": 4,
    "d_layers": 1,
    "places": 30,
}
make = Case(CUT, SMALL).make


def test_patch_nce_is_a_loop_over_places():
    """One positive, the same place, against the others of the image; the mean over places."""
    v, k = (F.normalize(torch.randn(3, 7, 5), dim=2) for _ in range(2))
    found = []
    for image in range(3):
        for place in range(7):
            logits = [torch.dot(v[image, place], k[image, other]) / 0.07 for other in range(7)]
            found.append(
                -torch.log(torch.exp(logits[place]) / sum(torch.exp(logit) for logit in logits))
            )
    assert losses.patch_nce(v, k).tolist() == pytest.approx(
        torch.stack(found).view(3, 7).mean(1).tolist(), rel=1e-5
    )
    assert losses.patch_nce(torch.zeros(2, 9, 4), torch.zeros(2, 9, 4)).tolist() == pytest.approx(
        [math.log(9)] * 2
    )


def test_maps_are_taken_where_the_authors_take_them():
    """Pixels with their padding, both halvings, the first and the fifth of nine blocks."""
    G, x = make(image_size=32, n_blocks=9).G, torch.rand(1, 3, 32, 24)
    found = G.features(x)
    assert [of.shape[1] for of in found] == G.widths == [3, 8, 16, 16, 16]
    assert [of.shape[2:] for of in found] == [(38, 30), (16, 12), *[(8, 6)] * 3]
    assert torch.equal(found[0], F.pad(x, (3, 3, 3, 3), mode="reflect"))
    assert torch.equal(found[1], G.layers[:5](x)) and torch.equal(found[2], G.layers[:8](x))
    assert torch.equal(found[3], G.layers[:11](x)) and torch.equal(found[4], G.layers[:15](x))
    assert torch.equal(G.finish(found[-1]), G(x))


def test_step_equals_the_equations():
    """Two steps against the docstring's equations written out, with plain Adam."""
    method, reference = in_float64(make(), make())
    method.run = lambda net, images: net(images)  # run() ends in float32
    method.features, G, D, H = method.G.features, reference.G, reference.D, reference.H
    opts = [torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (G, D, H)]
    data = batch(dtype=torch.float64)
    x, y = data["x"], data["y"]

    def nce(source, target):
        keys, queries = H(G.features(source), places), H(G.features(target), places)
        return (
            sum(losses.patch_nce(v, k.detach()).mean() for v, k in zip(queries, keys, strict=True))
            / 5
        )

    for step in range(2):
        torch.manual_seed(step)
        terms = method.step(data)
        fake, idt = G(x), G(y)
        d = {"d_real": ((D(y) - 1) ** 2).mean(), "d_fake": (D(fake.detach()) ** 2).mean()}
        opts[1].zero_grad()
        (0.5 * sum(d.values())).backward()
        opts[1].step()
        torch.manual_seed(step)
        places = [torch.randperm(of[0, 0].numel())[:30] for of in G.features(x)]
        g = {"g_gan": ((D(fake) - 1) ** 2).mean(), "g_nce_x": nce(x, fake), "g_nce_y": nce(y, idt)}
        opts[0].zero_grad()
        opts[2].zero_grad()
        (g["g_gan"] + 0.5 * (g["g_nce_x"] + g["g_nce_y"])).backward()
        opts[0].step()
        opts[2].step()
        assert terms == pytest.approx(
            {name: term.item() for name, term in (d | g).items()}, rel=1e-6
        )
    for name, net in reference.networks.items():
        assert_same_weights(method.networks[name], net, 1e-8)


@pytest.mark.parametrize(("side", "size"), [(32, 1), (64, 2)])
def test_style_has_its_weight_and_reaches_g(side, size):
    """What G learns from, where next to nothing else weighs, is the style of y in G(x)."""
    weights = {"lambda_gan": 0.0, "lambda_x": 0.0, "lambda_y": 1e-12, "lambda_style": 3.0}
    method, data = make(**weights, lr=1e-12, image_size=side), batch(size=side)
    torch.manual_seed(5)  # of the two sizes from 64 px on it draws the second
    terms = method.step(data)
    found = [p.grad.clone() for p in method.G.parameters()]
    torch.manual_seed(5)
    torch.randint(size, ())
    top, left = torch.randint(16, (2,)).tolist()
    seen = (images[..., top:, left:] for images in (method.G(data["x"]), data["y"]))
    pictures = [torch.nn.functional.avg_pool2d(images, size) for images in seen]
    grams = [[losses.gram(h) for h in load_photo_features()(images)] for images in pictures]
    expected = losses.style(*grams)
    assert terms["g_style"].item() == pytest.approx(expected.item(), rel=1e-4)
    largest = max(gradient.abs().max() for gradient in found)
    wanted = torch.autograd.grad(3.0 * expected, [*method.G.parameters()])
    for a, b in zip(found, wanted, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-5 * largest)


def test_the_defaults_are_the_authors_networks():
    """Blurred halvings and Xavier's rule with gain 0.02; that they compute what the authors' code
    does is shown in networks/test_authors.py.
    """
    method = make(**{name: getattr(Config(), name) for name in ("blur", "init", "upsampling")})
    x = batch()["x"]
    assert [of.shape[2:] for of in method.G.features(x)] == [
        (22, 22),
        (16, 16),
        (8, 8),
        *[(4, 4)] * 2,
    ]
    assert sum(isinstance(layer, BlurDown) for layer in method.D.modules()) == 1
    for layer in (method.G.layers[method.G.taken[3]].layers[1], method.H.layers[2][2]):
        spread = 0.02 * (2 / (layer.weight[0].numel() + layer.weight[:, 0].numel())) ** 0.5
        assert layer.weight.std().item() == pytest.approx(spread, rel=0.2)


def test_fastcut_mirrors_half_of_the_time(monkeypatch):
    method, data, seen = make(lambda_y=0.0, mirror=True), batch(1), []
    true = method.generator_terms
    monkeypatch.setattr(method, "generator_terms", lambda *a: seen.append(a[1]) or true(*a))
    torch.manual_seed(0)
    for _ in range(24):
        method.step(data)
    assert 5 < sum(seen) < 19
