"""The static page: photographs are painted and drawings translated in a browser.

It needs no server but a file server.
"""

import dataclasses
import gzip
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from course_lib.data import TwoDomains, photos, spread
from course_lib.data.files import check_fresh
from course_lib.data.images import Colour, read_image, to_image, to_tensor
from course_lib.demo import CAPTIONS
from course_lib.errors import ensure, need, telling
from course_lib.houses.layout import CLASSES, PALETTE
from course_lib.methods.base import Method
from course_lib.methods.pix2pix import PRESETS as PIX2PIX
from course_lib.methods.pix2pix import Config, Pix2Pix
from course_lib.plotting.figures import stitch
from course_lib.runs import image_translator, open_translator, step, traits
from course_lib.runs.export import METHODS, export_run
from course_lib.runs.shipped import NAMES, PREFIX, about, name_of
from course_lib.widgets import paint

# MIT; the smallest of its builds that runs all of ONNX, one thread; stored packed: a quarter
RUNTIME = "onnxruntime-web@1.30.0"
FILES = {"ort.wasm.bundle.min.mjs": "ort.js", "ort-wasm-simd-threaded.wasm": "ort.wasm.gz"}
PRESETS, COLOURS = 12, 16  # shown; inputs with more colours are photographs: the pen gets a picker
# Of test drawings and emoji, as far as the data set has them; else some spread over it.
CHOSEN = (
    *("flushed face", "fish", "pineapple", "umbrella", "ribbon", "roller skate", "star"),
    *("police officer", "t-shirt", "jellyfish", "armchair", "honeybee"),
    *("tangerine", "fox_face", "mushroom", "flushed", "butterfly", "car", "blossom", "elephant"),
    *("wine_glass", "octopus", "high_heel", "umbrella_with_rain_drops"),
)
# Test photographs to begin with, which lie beside their archive as files. The first is there when
# the page opens.
PHOTOGRAPHS = ("great_wall", "red_panda", "chambord", "horses", "kingfisher", "golden_temple")
PHOTOGRAPH = "photo:red_panda"  # from which the page learns unless it is given another
# What a browser can run.
SHIPPED = [
    PREFIX + name
    for name in dict.fromkeys((*CAPTIONS, *NAMES))
    if about(name)["run"]["method"] in METHODS
]


def build(
    target: Path,
    folders: list[Path],
    half: bool = False,
    lesson: str = "",
    trains: Method | None = None,
) -> dict:
    """Builds the page with the runs in ``folders`` into ``target``; returns what models.json says.

    ``half`` is that of ``export_run``, ``lesson`` the address of notebook 02. ``trains`` is a
    method of pix2pix's kind: the page trains with its step and settings, from new weights, in place
    of the preset "tab". An earlier page in ``target`` is replaced. Raises CourseError, and leaves
    ``target`` alone, if it holds something else, if a run or the step cannot be exported, or if npm
    is missing or fails.
    """
    check_fresh(target, "models.json", RUNTIME.partition("@")[0])
    with tempfile.TemporaryDirectory() as scratch:
        page, models = Path(scratch) / "page", []
        shutil.copytree(Path(__file__).parent / "static", page)
        _fetch_runtime(page)
        for folder in tqdm(folders, "exporting", unit=" networks", disable=None):
            models.append(_add_model(page, folder, half, {model["file"] for model in models}))
        contents = {"runtime": RUNTIME.replace("@", " "), "models": models}
        contents["photographs"] = _photographs(page)
        contents["tab"] = _add_training(page, trains) | {"lesson": lesson}
        (page / "models.json").write_text(json.dumps(contents, indent=1), encoding="utf-8")
        for old in ("models", "presets", "photographs", "training"):
            shutil.rmtree(target / old, ignore_errors=True)
        shutil.copytree(page, target, dirs_exist_ok=True)
    return contents


def _add_model(page: Path, folder: Path, half: bool, taken: set[str]) -> dict:
    """Export one run and write its presets; its entry in models.json."""
    known, run = name_of(folder), folder.resolve()
    title = about(known)["title"] if known else (run.parent if run.name == "best" else run).name
    if known in CAPTIONS:
        title = CAPTIONS[known][0].upper() + CAPTIONS[known][1:]
    stem = name = re.sub(r"[^\w.-]+", "-", known or title).strip(".-") or "run"
    for number in range(2, 2 + len(taken)):
        if f"models/{name}.onnx" in taken:
            name = f"{stem}-{number}"
    file = f"models/{name}.onnx"
    facts = export_run(folder, page / file, half=half)
    data = facts.pop("dataset")
    entry = {"name": name, "title": title, "file": file} | facts
    entry |= {key: int(facts[key]) for key in ("size", "z_dim", "multiple")}
    method, settings = open_translator(folder, "cpu")
    any_size = entry["multiple"] > 0 and not entry["z_dim"]
    entry["photograph"] = any_size and traits.takes_photographs(method, settings)
    if entry["photograph"]:
        picture = image_translator(method, settings)(photos.photograph(PHOTOGRAPHS[0]))
        (page / "presets").mkdir(exist_ok=True)
        picture.save(page / f"presets/{name}.webp")
        return entry | {"thumbnail": f"presets/{name}.webp"}
    palette = paint.palette_of(settings)
    entry |= _inputs(
        page, name, paint.starts(method, settings) if palette else _some(data), palette
    )
    return entry | {"thumbnail": _thumbnail(page, page / file, entry)}


def _add_training(page: Path, both: Method | None = None) -> dict:
    """Export the steps with which the page trains; what models.json tells of them.

    ``files`` are the step of ``both``, by default pix2pix's, the same by L1 alone, and what G and D
    say; ``run`` is run.json of a network that is saved there. The rest is ``step.layout``.
    """
    names = [f"training/{name}.onnx" for name in ("step", "l1", "look")]
    (page / "training").mkdir()
    both = both or Pix2Pix(Config(**PIX2PIX["tab"]))
    facts = step.to_onnx(both, page / names[0], page / names[2])
    alone = type(both)(dataclasses.replace(both.config, lambda_gan=0.0))
    step.to_onnx(alone, page / names[1])
    run = {
        "method": "pix2pix",
        "data": "one photograph, in a page",
        "direction": "xy",
        "config": vars(both.config),
        "look": {"beside": False, "grey": [], "share": 1.0, "same_luminance": False},
    }
    return facts | {
        "files": names,
        "config": vars(both.config),
        "run": run,
        "photograph": f"photographs/{PHOTOGRAPH.removeprefix('photo:')}.webp",
    }


def _photographs(page: Path) -> list[dict]:
    """Write the PHOTOGRAPHS and small ones to choose from; their files, names and credits."""
    shown, known = [], {entry["name"]: entry for entry in photos.entries()}
    (page / "photographs").mkdir()
    for name in PHOTOGRAPHS:
        file, small, of = f"photographs/{name}.webp", f"photographs/{name}.small.webp", known[name]
        shutil.copy(photos.FILES / f"{name}.webp", page / file)
        picture = photos.photograph(name).copy()
        picture.thumbnail((200, 100))
        picture.save(page / small)
        credit = f"{of['author']}, {of['licence']}"
        shown.append(
            {"file": file, "small": small, "name": name.replace("_", " "), "credit": credit}
        )
    return shown


def _thumbnail(page: Path, path: Path, entry: dict) -> str:
    """The file of a picture: the first preset and the network's answer, or two of many."""
    x = to_tensor(read_image(page / entry["presets"][0]["file"]), entry["size"])[None]
    feeds = {"x": x.numpy()}
    if entry["z_dim"]:
        z = torch.randn(2, entry["z_dim"], generator=torch.Generator().manual_seed(0))
        feeds = {"x": x.expand(2, -1, -1, -1).numpy(), "z": z.numpy()}
    (runtime,) = need("web", "onnxruntime")
    (y,) = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["y"], feeds)
    name = f"presets/{entry['name']}/thumbnail.png"
    picture = Image.fromarray(stitch([torch.cat([x, torch.from_numpy(y)])]))
    picture.quantize(256).save(page / name, optimize=True)
    return name


def _some(data: TwoDomains) -> dict[str, Image.Image]:
    """Some held-out inputs by their names."""
    names = list(data.names or map(str, range(len(data))))
    rows = [names.index(chosen) for chosen in CHOSEN if chosen in names]
    rows = rows or spread(data.presentable, PRESETS)
    return {str(names[i]).replace("_", " "): to_image(data[i]["x"]) for i in rows}


def _inputs(
    page: Path, name: str, pictures: dict[str, Image.Image], palette: Sequence[Colour] = ()
) -> dict:
    """Write ``pictures``, inputs by name, as PNG files, ``presets``; they, and their colours.

    ``colours``: those of the ``palette``, or of which they consist, if these are few, the most
    frequent first; ``paper`` is that one; ``meanings``: what each stands for; whether inputs are
    ``painted`` in a palette, and nothing else.
    """
    (page / "presets" / name).mkdir(parents=True)
    presets, pixels = [], Counter()
    for i, (title, image) in enumerate(pictures.items()):
        file = f"presets/{name}/{i}.png"
        presets.append({"file": file, "name": title})
        image.save(page / file, optimize=True)
        pixels.update({colour: count for count, colour in image.getcolors(image.width**2)})
    # the soft edges of lines are no pens
    lines = ((255,) * 3, (0,) * 3) if all(max(c) == min(c) for c in pixels) else ()
    colours = [_hex(colour) for colour in palette or lines or dict(pixels.most_common())]
    few = colours if len(colours) <= COLOURS else []
    labels = dict(zip(map(_hex, PALETTE), CLASSES, strict=True))
    meanings = [labels[colour] for colour in few] if set(few) <= set(labels) else few
    return {
        "presets": presets,
        "colours": few,
        "meanings": meanings,
        "paper": colours[0],
        "painted": bool(palette),
    }


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _fetch_runtime(page: Path) -> None:
    """The runtime's files and licences into ``page``. Raises CourseError."""
    (runtime,) = need("web", "onnxruntime")
    npm = shutil.which("npm")
    ensure(
        npm,
        f"npm is missing, which brings {RUNTIME}",
        "course demo",
        "install Node.js, which has npm",
    )
    with tempfile.TemporaryDirectory() as scratch:
        command = [npm, "pack", RUNTIME, "--silent"]
        with telling(
            (OSError, LookupError, ValueError, tarfile.TarError, subprocess.SubprocessError),
            f"could not fetch {RUNTIME}",
            "npm",
            f"check the connection; in an empty folder this must work: npm pack {RUNTIME}",
        ):
            subprocess.run(command, cwd=scratch, capture_output=True, check=True, timeout=300)
            (packed,) = Path(scratch).glob("*.tgz")
            with tarfile.open(packed) as archive:
                for source, name in FILES.items():
                    content = archive.extractfile(f"package/dist/{source}").read()
                    content = gzip.compress(content, mtime=0) if name.endswith(".gz") else content
                    (page / name).write_bytes(content)
    # The licences are in the package for Python, of the same project; that for browsers has none.
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        licence = Path(runtime.__file__).parent / name
        shutil.copy(licence, page / f"onnxruntime-{licence.stem}.txt")
