"""The step as a table: what it is drawn from, held against the papers and against mistakes."""

from functools import partial

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import runs
from course_lib.methods.bicyclegan import BicycleGAN
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.plotting.steps import step_picture, watch_step
from tests.support.tensors import noise

BATCH = {"x": noise(2, 32), "y": noise(2, 32, seed=1)}


def model(kind, *settings):
    return kind(runs.make_config(kind.__name__.lower(), "smoke", 32, ["average=0", *settings]))


PIX2PIX = [
    ({"D(x, y)": {"D"}, "D(x, G(x).detach())": {"D"}}, {"D"}),
    ({"D(x, G(x))": {"G"}, "G(x)": {"G"}}, {"G"}),
]


def step(m, x, y, detach=True, retain=False):
    """pix2pix's, with the mistakes that people make."""
    fake_y = m.G(x)
    m.opt_D.zero_grad()
    d = m.discriminator_terms(x, y, fake_y.detach() if detach else fake_y)
    torch.autograd.backward([d["d_real"], d["d_fake"]], retain_graph=retain)
    m.opt_D.step()
    m.D.requires_grad_(False)
    m.opt_G.zero_grad()
    g_gan, g_l1 = m.generator_terms(x, y, fake_y).values()
    (g_gan + 100 * g_l1).backward()
    m.opt_G.step()


@pytest.mark.parametrize("by", [None, step], ids=["the library's", "by hand"])
def test_each_loss_reaches_the_networks_of_the_paper_and_these_move(by):
    m = model(Pix2Pix)
    given = (m, BATCH["x"], BATCH["y"]) if by else (BATCH,)
    assert watch_step(by or m.step, m.networks, *given) == PIX2PIX


@pytest.mark.parametrize("norm", ["batch", "instance"])  # with instance norm both codes in one pass
def test_only_the_networks_of_the_paper_move_in_bicyclegan(norm):
    m = model(BicycleGAN, f"norm={norm}")
    of_g, of_d = watch_step(m.step, m.networks, BATCH)
    assert (of_g.moved, of_d.moved) == ({"G", "E"}, {"D_encoded", "D_random"})
    assert of_g.losses["E(y)"] == {"E"} and {"G", "E"} in of_g.losses.values()


def test_a_forgotten_detach_leaks_into_g():
    m, mistakes = model(Pix2Pix), {"detach": False, "retain": True}
    of_d, _ = watch_step(partial(step, **mistakes), m.networks, m, BATCH["x"], BATCH["y"])
    assert of_d == ({"D(x, y)": {"D"}, "D(x, G(x))": {"D", "G"}}, {"D"})


def test_the_picture_names_what_it_shows_and_an_error_of_the_step_is_raised():
    m = model(Pix2Pix)
    texts = [text.get_text() for text in step_picture(m.step, m.networks, BATCH).findobj(plt.Text)]
    assert {"loss of D(x, G(x).detach())", "learns", "none", "2.  G moved"} <= set(texts)
    assert "stays" not in texts
    with pytest.raises(RuntimeError, match="expected input"):
        step_picture(m.step, m.networks, {"x": BATCH["x"][:, :1], "y": BATCH["y"]})
    with pytest.raises(ValueError, match="no backward"):
        step_picture(m.translate, m.networks, BATCH["x"])
