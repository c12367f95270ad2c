"""The static page: draw, translate and move z in a browser, with no server but a file server."""

import gzip
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from course_lib.data import TwoDomains
from course_lib.data.images import read_image, to_bytes, to_image, to_tensor
from course_lib.data.label_maps import SHADES
from course_lib.errors import CourseError, need
from course_lib.houses.layout import CLASSES
from course_lib.plotting.figures import stitch
from course_lib.runs.export import METHODS, export_run
from course_lib.runs.shipped import PREFIX, RECIPES, name_of

RUNTIME = (
    "onnxruntime-web@1.30.0"  # MIT; the smallest of its builds that runs all of ONNX, one thread
)
FILES = {
    "ort.wasm.bundle.min.mjs": "ort.js",
    "ort-wasm-simd-threaded.wasm": "ort.wasm.gz",
}  # stored packed: a quarter
PRESETS, COLOURS = 12, 16  # shown; inputs with more colours are photographs: the pen gets a picker
CHOSEN = (  # of the test emoji, as far as the data set has them; else some spread over it
    "tangerine", "fox_face", "mushroom", "astonished", "butterfly", "car", "blossom", "elephant", "wine_glass", "star",
    "high_heel", "umbrella_with_rain_drops",
)  # fmt: skip
SHIPPED = [
    PREFIX + name for name, recipe in RECIPES.items() if recipe.method in METHODS
]  # what a browser can run


def build(target: Path, folders: list[Path], half: bool = False) -> dict:
    """Build the page with the trained runs in ``folders`` into ``target``; returns what models.json says.

    ``half`` is that of ``export_run``. An earlier page in ``target`` is replaced. Raises CourseError, and leaves
    ``target`` alone, if it holds something else, if a run cannot be exported, or if npm is missing or fails.
    """
    if target.exists() and (
        not target.is_dir() or (any(target.iterdir()) and not (target / "models.json").exists())
    ):
        raise CourseError(
            "this folder holds something else",
            target,
            "name a new folder, or one with an earlier page",
        )
    with tempfile.TemporaryDirectory() as scratch:
        page, models = Path(scratch) / "page", []
        shutil.copytree(Path(__file__).parent / "static", page)
        _fetch_runtime(page)
        for folder in folders:
            models.append(_add_model(page, folder, half, {model["file"] for model in models}))
        contents = {"runtime": RUNTIME.replace("@", " "), "models": models}
        (page / "models.json").write_text(json.dumps(contents, indent=1), encoding="utf-8")
        for old in ("models", "presets"):
            shutil.rmtree(target / old, ignore_errors=True)
        shutil.copytree(page, target, dirs_exist_ok=True)
    return contents


def _add_model(page: Path, folder: Path, half: bool, taken: set[str]) -> dict:
    """Export one run and write its presets; its entry in models.json."""
    stem = name = (
        re.sub(r"[^\w.-]+", "-", name_of(folder) or folder.resolve().name).strip(".-") or "run"
    )
    for number in range(2, 2 + len(taken)):
        if f"models/{name}.onnx" in taken:
            name = f"{stem}-{number}"
    path = page / "models" / f"{name}.onnx"
    facts = export_run(folder, path, half=half)
    data, seen = facts.pop("dataset"), facts.pop("x")
    numbers = {
        "size": int(facts["size"]),
        "z_dim": int(facts["z_dim"]),
        "multiple": int(facts["multiple"]),
    }
    entry = (
        {"name": name, "file": f"models/{name}.onnx"}
        | facts
        | numbers
        | _inputs(page, name, data, seen)
    )
    title = RECIPES[name_of(folder)].title if name_of(folder) else folder.resolve().name
    return entry | {"title": title, "thumbnail": _thumbnail(page, path, entry)}


def _thumbnail(page: Path, path: Path, entry: dict) -> str:
    """The file of a picture: the first preset and the network's answer, or two where there are many."""
    x = to_tensor(read_image(page / entry["presets"][0]["file"]), entry["size"])[None]
    z = torch.randn(2, entry["z_dim"], generator=torch.Generator().manual_seed(0))
    feeds = (
        {"x": x.expand(2, -1, -1, -1).numpy(), "z": z.numpy()}
        if entry["z_dim"]
        else {"x": x.numpy()}
    )
    (runtime,) = need("web", "onnxruntime")
    (y,) = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["y"], feeds)
    name = f"presets/{entry['name']}/thumbnail.png"
    Image.fromarray(stitch([torch.cat([x, torch.from_numpy(y)])])).quantize(256).save(
        page / name, optimize=True
    )
    return name


def _inputs(page: Path, name: str, data: TwoDomains, seen: Callable[[dict], Tensor]) -> dict:
    """Write some held-out inputs as PNG files, ``presets``. ``colours``: of which they consist, if these are few, the
    most frequent first; ``paper`` is that one; ``meanings``: what each stands for."""
    names = list(data.names or map(str, range(len(data))))
    rows = [names.index(chosen) for chosen in CHOSEN if chosen in names]
    if not rows:
        rows = sorted({data.shown[i * len(data.shown) // PRESETS] for i in range(PRESETS)})
    x = torch.stack([seen(data[i]) for i in rows])
    (page / "presets" / name).mkdir(parents=True)
    presets = []
    for row, image in zip(rows, x, strict=True):
        presets.append(
            {
                "file": f"presets/{name}/{len(presets)}.png",
                "name": str(names[row]).replace("_", " "),
            }
        )
        to_image(image).save(page / presets[-1]["file"], optimize=True)
    pixels = Counter(map(tuple, to_bytes(x).permute(0, 2, 3, 1).reshape(-1, 3).tolist()))
    colours = [_hex(colour) for colour, _ in pixels.most_common()]
    few = colours if len(colours) <= COLOURS else []
    labels = dict(
        zip(
            map(_hex, SHADES),
            (*CLASSES, *(f"{name} beside {name}" for name in CLASSES)),
            strict=True,
        )
    )
    known = labels if labels.keys() >= {*few} else {}
    meanings = [known.get(colour, colour) for colour in few]
    return {"presets": presets, "colours": few, "meanings": meanings, "paper": colours[0]}


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _fetch_runtime(page: Path) -> None:
    """The runtime's files and licences into ``page``. Raises CourseError."""
    (runtime,) = need("web", "onnxruntime")
    licences = Path(
        runtime.__file__
    ).parent  # of the same project; the package for browsers has none
    npm = shutil.which("npm")
    if npm is None:
        raise CourseError(
            f"npm is missing, which brings {RUNTIME}",
            "course demo",
            "install Node.js, which has npm",
        )
    with tempfile.TemporaryDirectory() as scratch:
        try:
            command = [npm, "pack", RUNTIME, "--silent"]
            done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=300)
            packed = sorted(Path(scratch).glob("*.tgz"))
            if done.returncode or not packed:
                raise OSError(" ".join(done.stderr.split()[-30:]) or f"status {done.returncode}")
            with tarfile.open(packed[0]) as archive:
                for source, name in FILES.items():
                    content = archive.extractfile(f"package/dist/{source}").read()
                    (page / name).write_bytes(
                        gzip.compress(content, mtime=0) if name.endswith(".gz") else content
                    )
        except (OSError, KeyError, tarfile.TarError, subprocess.TimeoutExpired) as error:
            fix = f"check the connection; in an empty folder this must work: npm pack {RUNTIME}"
            raise CourseError(f"could not fetch {RUNTIME}: {error}", "npm", fix) from error
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        shutil.copy(licences / name, page / f"onnxruntime-{name.partition('.')[0]}.txt")
