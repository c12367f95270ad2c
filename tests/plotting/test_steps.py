"""The step as a picture: what it is drawn from, held against the papers and against mistakes."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import losses, runs
from course_lib.methods.bicyclegan import BicycleGAN
from course_lib.methods.cyclegan import CycleGAN
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.plotting.steps import step_picture, watch_step
from tests.support.tensors import noise

BATCH = {"x": noise(2, 32), "y": noise(2, 32, seed=1)}


def model(kind, *settings):
    return kind(runs.make_config(kind.__name__.lower(), "smoke", 32, ["average=0", *settings]))


def written(call):
    """``D(x, |G(x))``: D saw x and, detached, what G made of x."""
    inside = [*call.data, *map(written, call.sources), *(f"|{written(c)}" for c in call.detached)]
    return f"{call.name}({', '.join(inside)})"


def rows(update):
    return {written(call) for call in update.judged}


PIX2PIX = [({"D(x, y)", "D(x, |G(x))"}, "D"), ({"D(x, G(x))", "G(x)"}, "G")]
CYCLEGAN = [
    ({"D_y(G_xy(x))", "D_x(G_yx(y))", "G_yx(G_xy(x))", "G_xy(G_yx(y))"}, "G_xy G_yx"),
    ({"D_y(y)", "D_y(|G_xy(x))", "D_x(x)", "D_x(|G_yx(y))"}, "D_y D_x"),
]


def forth_and_back(m, x, y):
    """CycleGAN's step as a learner writes it."""
    fake_y, fake_x = m.G_xy(x), m.G_yx(y)
    for D in (m.D_y, m.D_x):
        D.requires_grad_(False)
    gan = losses.least_squares_generator(m.D_y(fake_y))
    gan = gan + losses.least_squares_generator(m.D_x(fake_x))
    m.opt_G.zero_grad()
    (gan + losses.l1(m.G_yx(fake_y), x) + losses.l1(m.G_xy(fake_x), y)).backward()
    m.opt_G.step()
    for D in (m.D_y, m.D_x):
        D.requires_grad_(True)
    m.opt_D.zero_grad()
    for D, real, fake in ((m.D_y, y, fake_y), (m.D_x, x, fake_x)):
        real, fake = D(real), D(fake.detach())
        torch.autograd.backward([losses.least_squares_real(real), losses.least_squares_fake(fake)])
    m.opt_D.step()


def step(m, x, y, detach=True, freeze=True, retain=False, clean=True, mover="opt_G"):
    """pix2pix's, with the mistakes that people make."""
    fake_y = m.G(x)
    m.opt_D.zero_grad()
    d = m.discriminator_terms(x, y, fake_y.detach() if detach else fake_y)
    (d["d_real"] + d["d_fake"]).backward(retain_graph=retain)
    m.opt_D.step()
    m.D.requires_grad_(not freeze)
    if clean:
        m.opt_G.zero_grad()
    g_gan, g_l1 = m.generator_terms(x, y, fake_y).values()
    (g_gan + 100 * g_l1).backward()
    m.optimizers[mover].step()


@pytest.mark.parametrize(
    ("kind", "by", "wanted"),
    [(Pix2Pix, None, PIX2PIX), (Pix2Pix, step, PIX2PIX), (CycleGAN, forth_and_back, CYCLEGAN)],
    ids=["the library's", "pix2pix by hand", "cyclegan by hand"],
)
def test_each_loss_reaches_the_networks_of_the_paper_and_these_move(kind, by, wanted):
    m = model(kind)
    given = (m, BATCH["x"], BATCH["y"]) if by else (BATCH,)
    updates = watch_step(by or m.step, m.networks, *given)
    assert [rows(update) for update in updates] == [paths for paths, _ in wanted]
    for update, (_, nets) in zip(updates, wanted, strict=True):
        assert update.moved == set(nets.split()) and not update.leftover
        assert {update.kind(call) for call in update.judged} == {"flows"}


@pytest.mark.parametrize("norm", ["batch", "instance"])  # with instance norm both codes in one pass
def test_only_the_networks_of_the_paper_move_in_bicyclegan(norm):
    m = model(BicycleGAN, f"norm={norm}")
    of_g, of_d = watch_step(m.step, m.networks, BATCH)
    assert (of_g.moved, of_d.moved) == ({"G", "E"}, {"D_encoded", "D_random"})
    assert of_g.leftover == of_d.leftover == set() and "E(y)" in rows(of_g)


def watched(**mistakes):
    m = model(Pix2Pix)
    do = lambda *args: step(*args, **mistakes)  # noqa: E731
    return watch_step(do, m.networks, m, BATCH["x"], BATCH["y"])


@pytest.mark.parametrize(("clean", "leftover"), [(True, set()), (False, {"G"})])
def test_a_forgotten_detach_leaks_and_moves_g_later_unless_it_is_cleared(clean, leftover):
    of_d, of_g = watched(detach=False, retain=True, clean=clean)
    (source,) = of_d.judged[1].sources
    assert (of_d.kind(source), of_d.state(source), of_d.moved) == ("leaks", "stay", {"D"})
    assert of_d.kind(of_d.judged[1]) == "flows"  # D itself learns from it
    assert of_g.leftover == leftover


def test_the_wrong_optimiser_is_seen():
    _, of_g = watched(freeze=False, mover="opt_D")
    states = {call.name: of_g.state(call) for one in of_g.judged for call in one.reached()}
    assert states == {"G": "stay", "D": "move"} and of_g.moved == of_g.leftover == {"D"}


@pytest.mark.parametrize("no_grad", [False, True])
def test_a_detach_too_many_and_no_grad_are_seen(no_grad):
    m = model(CycleGAN)

    def cut(x):
        with torch.set_grad_enabled(not no_grad):
            fake_y = m.G_xy(x)
        losses.l1(m.G_yx(fake_y.detach()), x).backward()
        m.opt_G.step()

    (update,) = watch_step(cut, m.networks, BATCH["x"])
    assert rows(update) == {"G_yx(|G_xy(x))"} and update.moved == {"G_yx"}


def test_the_picture_names_what_it_shows_and_an_error_of_the_step_is_raised():
    m = model(Pix2Pix)
    texts = [text.get_text() for text in step_picture(m.step, m.networks, BATCH).findobj(plt.Text)]
    assert {"x, y", "loss", "detached: no gradient comes back"} <= set(texts)
    assert not any("do not move" in text for text in texts)
    with pytest.raises(RuntimeError, match="expected input"):
        step_picture(m.step, m.networks, {"x": BATCH["x"][:, :1], "y": BATCH["y"]})
    with pytest.raises(ValueError, match="no backward"):
        step_picture(m.translate, m.networks, BATCH["x"])
