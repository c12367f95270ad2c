"""The step as a picture: what it is drawn from, held against autograd and against mistakes."""

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


def pairs(text):
    """``"d_real: D, g_l1: G E"`` -> {("d_real", "D"), ("g_l1", "G"), ("g_l1", "E")}."""
    rows = [row.split(":") for row in text.split(",")]
    return {(term.strip(), net) for term, nets in rows for net in nets.split()}


def kinds(update):
    """The edges between these two names, whichever call they belong to."""
    found = {}
    for (source, target), kind in update.edges.items():
        found.setdefault((source.name, target.name), set()).add(kind)
    return found


PIX2PIX = ["d_real: D, d_fake: D", "g_gan: G, g_l1: G"]
CYCLEGAN = [
    "g_gan_y: G_xy, g_gan_x: G_yx, g_forward: G_xy G_yx, g_backward: G_xy G_yx,"
    "g_identity_y: G_xy, g_identity_x: G_yx",
    "d_real_y: D_y, d_fake_y: D_y, d_real_x: D_x, d_fake_x: D_x",
]
BICYCLEGAN = [
    "g_gan_encoded: G E, g_l1_encoded: G E, g_kl_encoded: E, g_gan_random: G, g_latent_random: G",
    "d_real_encoded: D_encoded, d_fake_encoded: D_encoded, d_real_random: D_random,"
    "d_fake_random: D_random",
]


@pytest.mark.parametrize(
    ("kind", "settings", "wanted"),
    [
        (Pix2Pix, [], PIX2PIX),
        (CycleGAN, ["identity_share=0.5"], CYCLEGAN),
        (BicycleGAN, ["norm=batch"], BICYCLEGAN),
        (BicycleGAN, ["norm=instance"], BICYCLEGAN),  # both codes in one pass
    ],
)
def test_each_term_of_a_method_reaches_the_networks_of_its_paper(kind, settings, wanted):
    m = model(kind, *settings)
    updates = watch_step(m.step, m.networks, BATCH)
    assert [update.gradients for update in updates] == [pairs(text) for text in wanted]
    assert [update.moved for update in updates] == [
        {net for _, net in update.gradients} for update in updates
    ]
    every = {kind for update in updates for kind in update.edges.values()}
    assert every == {"flows", "detached", "data"}
    assert not any(update.leftover for update in updates)


def test_gradients_are_those_of_autograd():
    m = model(CycleGAN, "identity_share=0.5")
    x, y = BATCH["x"], BATCH["y"]
    out = m.translations(x, y)
    found = set()
    for term, value in m.generator_terms(x, y, out).items():
        for name in ("G_xy", "G_yx"):
            weights = list(m.networks[name].parameters())
            grads = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
            if any(grad is not None and grad.any() for grad in grads):
                found.add((term, name))
    assert watch_step(m.step, m.networks, BATCH)[0].gradients == found


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
    loss_G = g_gan + 100 * g_l1
    loss_G.backward()
    m.optimizers[mover].step()


def watched(**mistakes):
    m = model(Pix2Pix)
    do = lambda *args: step(*args, **mistakes)  # noqa: E731
    return watch_step(do, m.networks, m, BATCH["x"], BATCH["y"])


def test_a_function_that_somebody_wrote_gives_the_same_as_the_library():
    of_d, of_g = watched()
    m = model(Pix2Pix)
    theirs = watch_step(m.step, m.networks, BATCH)
    assert [kinds(of_d), kinds(of_g)] == [kinds(update) for update in theirs]
    assert kinds(of_d)["fake_y", "D"] == {"detached"} and kinds(of_d)["G", "fake_y"] == {"data"}
    assert kinds(of_g)["fake_y", "D"] == kinds(of_g)["G", "fake_y"] == {"flows"}


def test_a_forgotten_detach_leaks():
    of_d, _ = watched(detach=False, retain=True)
    assert kinds(of_d)["fake_y", "D"] == kinds(of_d)["G", "fake_y"] == {"leaks"}
    assert ("d_fake", "G") in of_d.gradients and of_d.moved == {"D"}
    assert kinds(of_d)["D", "d_fake"] == {"flows"}


@pytest.mark.parametrize(("clean", "leftover"), [(True, set()), (False, {("d_fake", "G")})])
def test_what_leaked_moves_g_unless_it_is_cleared(clean, leftover):
    _, of_g = watched(detach=False, retain=True, clean=clean)
    assert of_g.leftover == leftover


def test_the_wrong_optimiser_is_seen():
    _, of_g = watched(freeze=False, mover="opt_D")
    assert of_g.moved == {"D"} and kinds(of_g)["G", "fake_y"] == {"leaks"}
    assert of_g.leftover == {("d_real", "D"), ("d_fake", "D")}
    states = {node.name: of_g.state(node) for edge in of_g.edges for node in edge}
    assert states["G"] == (True, False) and states["D"] == (True, True)


def test_a_detach_too_many_and_no_grad_are_seen():
    m = model(CycleGAN)

    def cut(x, no_grad):
        with torch.set_grad_enabled(not no_grad):
            fake_y = m.G_xy(x)
        rec_x = m.G_yx(fake_y.detach())
        loss = losses.l1(rec_x, x)
        loss.backward()
        m.opt_G.step()

    for no_grad, cuts in ((False, ("fake_y", "G_yx")), (True, ("G_xy", "fake_y"))):
        (update,) = watch_step(cut, m.networks, BATCH["x"], no_grad)
        assert [edge for edge, kind in kinds(update).items() if kind == {"detached"}] == [cuts]
        assert update.gradients == {("loss", "G_yx")}


def test_the_picture_names_what_it_shows_and_an_error_of_the_step_is_raised():
    m = model(Pix2Pix)
    texts = [text.get_text() for text in step_picture(m.step, m.networks, BATCH).findobj(plt.Text)]
    assert {"fake y", "d fake", "g l1", "x, y", "detached: no gradient comes back"} <= set(texts)
    assert not any("do not move" in text for text in texts)
    with pytest.raises(RuntimeError, match="expected input"):
        step_picture(m.step, m.networks, {"x": BATCH["x"][:, :1], "y": BATCH["y"]})
    with pytest.raises(ValueError, match="no backward"):
        step_picture(m.translate, m.networks, BATCH["x"])
