"""The one-file editions of the papers take the library's steps, number for number, and they run."""

import ast
import re
import runpy
import sys
from collections.abc import Iterator

import pytest
import torch
from PIL import Image

from course_lib.experiments import bench
from course_lib.methods import method_class
from tests import ROOT
from tests.support.pictures import saved

# The paper's configuration at small sizes, and the same networks of the one file
SMALL = {"base_channels": 8, "d_base_channels": 8, "batch_size": 2}
SIZES = {
    "dcgan": {"image_size": 32},
    "pix2pix": {"image_size": 32},
    "cyclegan": {"image_size": 32, "n_blocks": 2, "pool_size": 5},
    "bicyclegan": {"image_size": 64, "e_base_channels": 8},
    "cut": {"image_size": 32, "n_blocks": 2},
    "munit": {"image_size": 32, "n_blocks": 2, "d_layers": 3},
}
NETWORKS = {
    "dcgan": {"G": ("Generator", 32, 8), "D": ("Discriminator", 32, 8)},
    "pix2pix": {"G": ("UNet", 32, 8), "D": ("PatchGAN", 8)},
    "cyclegan": {
        **dict.fromkeys(("G_xy", "G_yx"), ("Generator", 8, 2)),
        **dict.fromkeys(("D_x", "D_y"), ("PatchGAN", 8)),
        **dict.fromkeys(("pool_x", "pool_y"), ("Pool", 5)),
    },
    "bicyclegan": {
        **{"G": ("UNet", 64, 8), "E": ("Encoder", 64, 8)},
        **dict.fromkeys(("D_encoded", "D_random"), ("PatchGANs", 8)),
    },
    "cut": {"G": ("Generator", 8, 2), "D": ("PatchGAN", 8), "H": ("Projections", 8)},
    "munit": {
        **dict.fromkeys(("E_x", "E_y"), ("Encoder", 8, 2, 4)),
        **dict.fromkeys(("G_x", "G_y"), ("Decoder", 8, 2)),
        **dict.fromkeys(("D_x", "D_y"), ("PatchGANs", 8, 3, 3)),
    },
}
MISTAKES = {  # a line, and what somebody might write; none of them stops a training
    "dcgan": ("-F.logsigmoid(D(fake_y))", "F.logsigmoid(-D(fake_y))"),
    "pix2pix": ("    opt_D.zero_grad()\n", ""),
    "cyclegan": ("square(D_y(fake_y), 1), square(D_x(", "square(D_x(fake_y), 1), square(D_y("),
    "bicyclegan": ("    E.requires_grad_(False)\n", ""),
    "cut": ("F.normalize(mlp(h), dim=2)", "mlp(h)"),
    "munit": ("l1(found_s_x, new_x)", "l1(found_s_x, s_x)"),
}


def differences(name: str, old: str = "", new: str = "") -> Iterator[float]:
    """The largest difference of a term, for each of 20 steps of library and file in float32, from
    the same weights, batches and seeds. In the file's text, ``new`` takes the place of ``old``.

    Both round alike, as one ReLU that flips is seen in all later steps: the library does without
    products for small maps and several images as one batch, and the file has its fused Adam.
    """
    path = bench.ONE_FILE / f"{name}.py"
    text, book = path.read_text(encoding="utf-8"), {"__name__": name}
    assert not old or text.count(old) == 1
    exec(compile(text.replace(old, new) if old else text, path, "exec"), book)
    torch.manual_seed(0)
    cls = method_class(name)
    config = cls.Config(**SMALL | SIZES[name])
    method, _ = bench.stepper(bench.KINDS[0], config, cls, torch.device("cpu"))
    method.run_batched = lambda net, *inputs: tuple(
        images if images is None else method.run(net, images) for images in inputs
    )
    nets = {key: book[kind](*sizes) for key, (kind, *sizes) in NETWORKS[name].items()}
    theirs = torch.nn.ModuleDict(method.networks).state_dict()
    sides = {"GE": torch.nn.ModuleList(), "D": torch.nn.ModuleList()}
    for key, net in nets.items():
        if isinstance(net, torch.nn.Module):
            # E_x of MUNIT is E_content["x"] and E_style["x"]
            named = rf"{key}\.|{key[0]}\w*\.{key[2:]}\."
            weights = [weight for at, weight in theirs.items() if re.match(named, at)]
            net.load_state_dict(dict(zip(net.state_dict(), weights, strict=True)))
            sides["D" if key[0] == "D" else "GE"].append(net)
    opt_G, opt_D = (book["adam"](side.parameters(), fused=True) for side in sides.values())
    for seed in range(20):
        size = config.image_size
        x, y = torch.rand(2, 2, 3, size, size) * 2 - 1
        torch.manual_seed(seed)
        terms = method.step({"x": x, "y": y})
        torch.manual_seed(seed)
        ours = book["step"](*((y,) if cls.single else (x, y)), **nets, opt_G=opt_G, opt_D=opt_D)
        assert ours.keys() == terms.keys()
        yield max(abs(ours[key] - terms[key]).item() for key in ours)


@pytest.mark.parametrize("name", MISTAKES)
def test_20_steps_are_the_librarys_and_a_planted_mistake_shows(name):
    assert max(differences(name)) <= 1e-6
    assert any(difference > 1e-4 for difference in differences(name, *MISTAKES[name]))


@pytest.mark.parametrize("name", MISTAKES)
def test_the_command_at_its_head_trains_from_a_folder(name, tmp_path, monkeypatch):
    path = ROOT / "notebooks/one_file" / f"{name}.py"
    text = path.read_text(encoding="utf-8")
    imports = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import | ast.ImportFrom)]
    roots = {getattr(n, "module", None) or n.names[0].name for n in imports}
    roots = {root.split(".")[0] for root in roots} - sys.stdlib_module_names
    assert roots == {"torch", "numpy", "PIL"} and len(text.splitlines()) <= 260
    unpaired = name in ("cyclegan", "cut", "munit")
    parts, width = (("trainA", "trainB"), 40) if unpaired else (("train",), 80)
    for part in parts:
        plain = (Image.new("RGB", (width, 40), (20 * i, 90, 90)) for i in range(9))
        saved(tmp_path / "mine" / part, plain)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [path.name, "mine", "--minutes", "1e-9", "--width", "4"])
    runpy.run_path(str(path), run_name="__main__")
    assert Image.open(f"{name}.png").width == 8 * 64
    if "--start" in text:
        sys.argv += ["--start", f"{name}.pt"]
        runpy.run_path(str(path), run_name="__main__")
    (tmp_path / "mine" / parts[0] / "8.png").unlink()
    with pytest.raises(AssertionError, match="needs at least 9 images"):
        runpy.run_path(str(path), run_name="__main__")
    weights = torch.load(f"{name}.pt", weights_only=True)
    nets = {key for key in NETWORKS[name] if "pool" not in key}
    assert weights.keys() - {"opt_G", "opt_D"} == nets
    for opt in weights.keys() - nets:  # one step each time, and the second goes on from the first
        assert weights[opt]["state"][0]["step"] == 2
