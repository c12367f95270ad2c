"""The playground's module takes torch's steps; demo/test_playground.py plays it in a browser."""

import json
import shutil
import subprocess

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import losses
from course_lib.methods.bicyclegan import kl
from course_lib.widgets.playground import GAMES

# Some steps from given weights and batches: the losses of each, and the weights at the end
RUN = """
import { readFileSync } from "node:fs";
const task = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { step, sizes, weights, options, batches } = task;
const nets = {}, n = 16, typed = ([name, rows]) => [name, Float64Array.from(rows.flat())];
for (const name in sizes) (nets[name] = network(sizes[name], Math.random)).p.set(weights[name]);
const told = batches.map((rows) => {
  const batch = { ...Object.fromEntries(Object.entries(rows).map(typed)), n };
  if (step === "pointsStep") return pointsStep(nets, options, [batch, batch]);
  return { cycleStep, codeStep }[step](nets, options, batch);
});
const ends = Object.entries(nets).map(([name, net]) => [name, [...net.p]]);
console.log(JSON.stringify([told, Object.fromEntries(ends)]));
"""
LEAST = (losses.least_squares_real, losses.least_squares_fake, losses.least_squares_generator)
LOSSES = {
    "non-saturating": (losses.log_real, losses.log_fake, losses.log_generator),
    "log (saturating)": (losses.log_real, losses.log_fake, lambda a: -losses.log_fake(a)),
    "least squares": LEAST,
    "hinge": (lambda a: F.relu(1 - a).mean(), lambda a: F.relu(1 + a).mean(), lambda a: -a.mean()),
}
POINTS, CYCLES = {"G": (1, 2), "D": (2, 1)}, {name: (2, 2) for name in ("Gxy", "Gyx")}
CYCLES |= {name: (2, 1) for name in ("Dx", "Dy")}
CODES = {"G": (2, 1), "E": (1, 2), "D1": (2, 1), "D2": (2, 1)}


def points_step(o, batch, update, judged, G, D):
    loss = LOSSES[o["loss"]]
    return {
        "D": judged("D", loss, batch["real"], G(batch["z"])),
        "G": update(loss[2](D(G(batch["z"]))), "G"),
    }


def cycle_step(o, batch, update, judged, G_xy, G_yx, D_x, D_y):
    x, y = batch["x"], batch["y"]
    fake_y, fake_x = G_xy(x), G_yx(y)
    terms = {"gan": LEAST[2](D_y(fake_y)) + LEAST[2](D_x(fake_x))}
    terms |= {"forward": losses.l1(G_yx(fake_y), x), "backward": losses.l1(G_xy(fake_x), y)}
    terms["identity"] = losses.l1(G_xy(y), y) + losses.l1(G_yx(x), x)
    update(sum(o.get(name, 1) * term for name, term in terms.items()), "Gxy", "Gyx")
    return terms | {"D": judged("Dy", LEAST, y, fake_y) + judged("Dx", LEAST, x, fake_x)}


def code_step(o, batch, update, judged, G, E, D1, D2):
    x, y, z, noise = (batch[name] for name in ("x", "y", "z", "noise"))
    terms, fakes = {}, {}
    if o["first"]:
        mu, logvar = E(y).chunk(2, 1)
        fakes["D1"] = G(torch.cat([x, mu + (logvar / 2).exp() * noise], 1))
        terms |= {"GAN": LEAST[2](D1(torch.cat([x, fakes["D1"]], 1))), "KL": kl(mu, logvar)}
    if o["second"] or not o["first"]:
        fakes["D2"] = G(torch.cat([x, z], 1))
        terms["GAN, random"] = LEAST[2](D2(torch.cat([x, fakes["D2"]], 1)))
    if o["first"] or not o["second"]:
        terms["L1"] = losses.l1(fakes["D1" if o["first"] else "D2"], y)
    if o["second"]:  # beside the first cycle this moves G alone
        E.requires_grad_(not o["first"])
        terms["latent"] = losses.l1(E(fakes["D2"])[:, :1], z)
        E.requires_grad_()
    weighted = sum(o.get(name.lower(), 1) * term for name, term in terms.items())
    update(weighted, *("G", "E") if o["first"] or o["second"] else "G")
    real, fakes = torch.cat([x, y], 1), {k: torch.cat([x, v], 1) for k, v in fakes.items()}
    return terms | {"D": sum(judged(name, LEAST, real, fake) for name, fake in fakes.items())}


@pytest.mark.parametrize(
    ("step", "shapes", "options"),
    [
        *((points_step, POINTS, {"loss": name, "lrD": 2e-3, "lrG": 2e-3}) for name in LOSSES),
        (cycle_step, CYCLES, {"forward": 5, "backward": 4, "identity": 2}),
        (cycle_step, CYCLES, {"forward": 3, "backward": 0, "identity": 0}),
        *(
            (code_step, CODES, {"first": a, "second": b, "l1": 5, "kl": 0.3, "latent": 0.5})
            for a in (0, 1)
            for b in (0, 1)
        ),
    ],
)
def test_twenty_steps_are_those_of_torch(tmp_path, step, shapes, options):
    if not (node := shutil.which("node")):
        pytest.skip("Node.js is not installed")
    torch.manual_seed(0)
    options |= {"lr": 2e-3, "betas": (0.5, 0.9)}
    sizes = {name: [ins, 24, 24, outs] for name, (ins, outs) in shapes.items()}
    nets = {
        name: nn.Sequential(
            *(nn.Linear(ins, 24), nn.LeakyReLU(0.2), nn.Linear(24, 24), nn.LeakyReLU(0.2)),
            nn.Linear(24, outs),
        ).double()
        for name, (ins, outs) in shapes.items()
    }
    opt = {k: torch.optim.Adam(net.parameters(), 2e-3, (0.5, 0.9)) for k, net in nets.items()}

    def update(loss, *names):
        loss.backward(inputs=[p for name in names for p in nets[name].parameters()])
        for name in names:
            opt[name].step()
            opt[name].zero_grad()
        return loss

    def judged(name, loss, real, fake):
        return update(loss[0](nets[name](real)) + loss[1](nets[name](fake.detach())), name)

    def vectors():
        return {
            name: nn.utils.parameters_to_vector(net.parameters()).tolist()
            for name, net in nets.items()
        }

    wide = {"real": 2, "x": shapes["G" if "G" in shapes else "Gxy"][0] - (step is code_step)}
    wide["y"] = wide["x"]
    batches = [
        {k: torch.randn(16, wide.get(k, 1)).double() for k in ("real", "x", "y", "z", "noise")}
        for _ in range(20)
    ]
    names = {points_step: "pointsStep", cycle_step: "cycleStep", code_step: "codeStep"}
    task = {"step": names[step], "sizes": sizes, "weights": vectors(), "options": options}
    task["batches"] = [{k: rows.tolist() for k, rows in batch.items()} for batch in batches]
    (tmp_path / "task.json").write_text(json.dumps(task))
    command = [node, "--input-type=module", "-", str(tmp_path / "task.json")]
    code = GAMES.with_suffix(".js").read_text("utf-8") + RUN
    found, weights = json.loads(
        subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout
    )
    for batch, one in zip(batches, found, strict=True):
        told = step(options, batch, update, judged, *nets.values())
        assert one == pytest.approx({k: v.item() for k, v in told.items()}, abs=1e-4)
    for name, wanted in vectors().items():
        assert weights[name] == pytest.approx(wanted, abs=1e-4), name
    first = next(iter(nets))
    assert weights[first] != pytest.approx(task["weights"][first], abs=1e-3), "no step"
