"""Runs in folders: start one, open a finished one, translate and evaluate with it. What the command line calls."""

import io
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from course_lib import __version__, training
from course_lib.data import files, names, open_dataset
from course_lib.errors import CourseError
from course_lib.methods import configs, method_class
from course_lib.methods.swapped import Swapped
from course_lib.training import checkpoint, devices, profiles
from course_lib.training.fit import Result, explain_memory


def make_config(method: str, profile: str = "auto", size: int | None = None, settings: list[str] | None = None) -> Any:
    """A method's configuration: a preset, then ``size`` in pixels, then ``settings`` as ``key=value``.

    ``profile`` is auto, smoke, cpu or gpu, or another preset of the method, as paper is of all. Raises CourseError for
    what does not exist or cannot be.
    """
    cls = method_class(method)
    preset = cls.PRESETS[profile if profile in set(cls.PRESETS) - set(profiles.PROFILES) else profiles.resolve(profile)]
    values = (
        dict(preset) | ({"image_size": size} if size is not None else {}) | configs.parse(cls.Config, settings or [])
    )
    return configs.build(cls.Config, **values)


def train(
    method: str,
    data: str,
    out: Path,
    config: Any,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    direction: str = "xy",
    device: str = "auto",
    bf16: bool | None = None,
    n_devices: int = 1,
    resume: bool = False,
    accept_changes: bool = False,
    **fit_options: Any,
) -> Result:
    """Train ``method`` on ``data`` into the folder ``out``: run.json, history.jsonl, checkpoints/, previews/.

    Everything is checked before ``out`` is made. With ``resume``, settings that differ from run.json raise CourseError
    unless ``accept_changes``. ``n_devices`` above 1, or torchrun, makes so many processes (see devices.py).
    """
    cls, place = method_class(method), profiles.pick_device(device)
    n_devices, machines = devices.layout(n_devices, place)
    bf16 = profiles.use_bf16(place, bf16)
    splits = {name: open_dataset(data, name, config.image_size, direction, seed) for name in ("train", "val")}
    if cls.needs_pairs and not splits["train"].paired:
        what = f"{method} learns from pairs, and {data} has none"
        raise CourseError(what, "--data", "try emoji:edges or a paired folder")
    settings = {"method": method, "data": _name(data), "direction": direction, "seed": seed, "bf16": bf16}
    settings |= {"devices": n_devices * machines, "config": configs.as_dict(config), "steps": steps, "minutes": minutes}
    if (out / "run.json").exists() and any(checkpoint.steps(out / "checkpoints")) and not resume:
        raise CourseError("this folder already holds a run", out, "add --resume to go on, or choose another --out")
    if resume and (out / "run.json").exists():
        old = {"devices": 1} | read_settings(out)
        flat_old, flat_new = ({**s, **s["config"], "config": 0} for s in (old, settings))
        changes = configs.differences({k: flat_old.get(k) for k in flat_new}, flat_new)
        if changes and not accept_changes:
            fix = "repeat the first command with --resume, or add --accept-changes"
            raise CourseError(f"settings differ from the run's: {'; '.join(changes)}", out / "run.json", fix)
    if hasattr(cls, "maps") and (direction == "yx" or not set(cls.maps) <= splits["train"][0].keys()):
        what = f"{method} paints from {' and '.join(cls.maps)}, and {data} in direction {direction} has none"
        raise CourseError(what, "--data", "try facades")
    ranks = devices.launch(n_devices, machines, place)
    torch.manual_seed(seed)
    with explain_memory("building the networks"):
        model = cls(config, ranks.device if ranks else place, bf16)
    settings |= {"versions": {"course_lib": __version__, "torch": torch.__version__}, "device": profiles.device_name()}

    def started() -> None:
        files.replace_file(out / "run.json", json.dumps(settings, indent=1).encode())
        if device == "auto" and place.type == "cpu":
            warnings.warn(f"no GPU found: training on {profiles.device_name()}", stacklevel=2)

    return (ranks or training).fit(
        model, splits["train"], steps=steps, minutes=minutes, val=splits["val"], out=out, seed=seed, resume=resume,
        accept_changes=accept_changes, on_start=started, **fit_options,
    )  # fmt: skip


def _name(data: str) -> str:
    return data if data in names() or (":" in data and not Path(data).exists()) else str(Path(data).resolve())


def read_settings(folder: Path | str) -> dict:
    """run.json of a run, or of ``shipped:NAME``. Raises CourseError if ``folder`` holds none."""
    from course_lib.runs import shipped

    if name := shipped.name_of(folder):
        return shipped.about(name)["run"]
    try:
        settings = json.loads((Path(folder) / "run.json").read_text(encoding="utf-8"))
        return settings | {"config": dict(settings["config"]), "method": str(settings["method"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        what = f"no readable run here: {type(error).__name__}: {error}"
        raise CourseError(what, folder, "give the --out folder of course train") from error


def open_run(folder: Path | str, device: str = "auto") -> tuple[Any, dict]:
    """(method, settings) of a trained run, with the weights of its newest good checkpoint, or of ``shipped:NAME``.

    Raises CourseError.
    """
    from course_lib.runs import shipped

    if name := shipped.name_of(folder):
        return shipped.load(name, device)
    settings = read_settings(folder)
    cls = method_class(settings["method"])
    try:
        config = configs.build(cls.Config, **settings["config"])
    except (KeyError, TypeError) as error:
        raise CourseError(f"run.json does not fit {settings['method']}: {error}", folder, "restore run.json") from error
    method = cls(config, profiles.pick_device(device))
    found = checkpoint.load_latest(Path(folder) / "checkpoints")
    if found is None or found[0] == 0:
        raise CourseError("this run has not learned anything yet", folder, "train for longer")
    checkpoint.restore(method, found[1], Path(folder), optimizers=False)
    return method, settings


def open_translator(folder: Path, device: str) -> tuple[Any, dict]:
    """As :func:`open_run`. Raises CourseError for a run that makes images from noise."""
    settings = read_settings(folder)
    if not hasattr(method_class(settings["method"]), "translate"):
        what = f"a {settings['method']} run makes images from noise: it has no input to translate, and no true answer"
        raise CourseError(what, folder, "look at its previews/, or in Python: runs.open_run(FOLDER)[0].sample(16)")
    return open_run(folder, device)


def towards(method: Any, settings: dict, direction: str, folder: Path) -> Any:
    """``method`` as a translator in ``direction``. Raises CourseError if the run has learned the other one only."""
    if direction == settings["direction"]:
        return method
    if not hasattr(method, "ways"):
        what = f"this run translates {settings['direction']}, not {direction}"
        raise CourseError(what, folder, f"train another one with --direction {direction}")
    return Swapped(method)


def translate_batches(method: Any, dataset: Dataset, seed: int = 0, batch_size: int = 16) -> dict[str, Tensor]:
    """x, y and fake_y of a whole dataset, each (n, 3, S, S) on the CPU, in its order.

    ``batch_size`` matters only to a method that normalises with the test batch's own statistics.
    """
    torch.manual_seed(seed)
    out: dict[str, list[Tensor]] = {"x": [], "y": [], "fake_y": []}
    for start in range(0, len(dataset), batch_size):
        items = [dataset[i] for i in range(start, min(start + batch_size, len(dataset)))]
        for key in ("x", "y"):
            out[key].append(torch.stack([item[key] for item in items]))
        out["fake_y"].append(method.translate(out["x"][-1].to(method.device))["fake_y"].cpu())
    return {key: torch.cat(parts) for key, parts in out.items()}


def evaluate(
    folder: Path, data: str, *, split: str = "test", direction: str | None = None, device: str = "auto"
) -> dict:
    """What can be measured of a run on held-out data, and baselines where training had pairs.

    See ``scores.score``, and ``samples.score_samples`` for a method whose translations of one image differ.
    """
    method, settings = open_translator(folder, device)
    return score_run(method, settings, data, split, direction, folder)


def score_run(
    method: Any, settings: dict, data: str, split: str = "test", direction: str | None = None, folder: Path = Path()
) -> dict:
    """As :func:`evaluate`, of an opened run; ``folder`` is for the messages."""
    from course_lib import metrics
    from course_lib.metrics import samples, scores

    size, direction = method.config.image_size, direction or settings["direction"]
    if size < 16:
        what = f"images of {size} px are too small to score (SSIM looks at 11 px)"
        raise CourseError(what, folder, "train at 16 px or more")
    held_out, train_set = (open_dataset(data, part, size, direction) for part in (split, "train"))
    if not held_out.paired and not hasattr(method, "ways"):
        raise CourseError(f"{data} has no true pairs to compare with", "--data", "give paired data")
    if hasattr(method, "ways"):
        method = towards(method, settings, direction, folder)
    found = scores.score(method, data, split, direction)
    if samples.can_sample(method):
        found |= samples.score_samples(method, data, split, direction)
    if held_out.paired and train_set.paired:
        found |= metrics.baselines(train_set, held_out)
    return found | {"split": split, "data": data, "direction": direction}


def translate_files(
    folder: Path,
    source: Path,
    target: Path,
    *,
    samples: int = 1,
    style: Path | None = None,
    seed: int = 0,
    direction: str | None = None,
    device: str = "auto",
) -> list[Path]:
    """Translate an image, or each image of a folder, into PNG files below ``target``; returns their paths.

    Inputs are resized to the model's square size, as in training, and outputs have that size. Of an A|B image (twice as
    wide as high) the half that is the model's input is taken. ``samples`` above 1 asks for that many outputs an input,
    with ``_1``, ``_2`` ... added to the names: equal numbers are equal codes z where the method has codes, else chance
    (dropout) makes them differ. ``style`` is an image, of the output's domain, whose code all outputs are to have.

    Raises CourseError for an input that is missing or no image, a ``direction`` the run has not learned, ``samples``
    that are all the same, or a ``style`` for a run without an encoder, before anything is written.
    """
    from course_lib.data.images import find_images, square, to_bytes, to_image

    method, settings = open_translator(folder, device)
    direction = direction or settings["direction"]
    method = towards(method, settings, direction, folder)
    if hasattr(method, "maps") and style is None:
        from course_lib.data.scenes import translate_scenes

        return translate_scenes(method, source, target, samples, seed)
    if style is not None and samples > 1:
        raise CourseError("a style gives one output an image", f"--samples {samples}", "leave out --samples or --style")
    if style is not None and (not hasattr(method, "encode") or hasattr(method, "maps")):
        what = f"a {settings['method']} run cannot paint in the style of an image: it has no encoder of whole images"
        raise CourseError(what, folder, "leave out --style, or train bicyclegan or munit")
    if not source.exists():
        raise CourseError("no such file or folder", source, "give an image, or a folder of images")
    paths = find_images(source) if source.is_dir() else [source]
    if not paths:
        raise CourseError("no images here", source, "give a folder that holds PNG or JPEG files")
    stems = [path.stem for path in paths]
    names = [p.stem if stems.count(p.stem) == 1 else p.name.replace(".", "_") for p in paths]
    size, left = method.config.image_size, direction == "xy"
    inputs, halved = zip(*(square(path, size, left) for path in paths), strict=True)
    if any(halved):
        side = "left" if left else "right"
        warnings.warn(f"{sum(halved)} images are twice as wide as high: took their {side} half as input", stacklevel=2)
    z = method.encode(square(style, size, not left)[0].to(method.device))[0] if style is not None else None
    torch.manual_seed(seed)
    if samples > 1 and not hasattr(method, "sample"):
        first, second = (to_bytes(method.translate(inputs[0].to(method.device))["fake_y"]) for _ in range(2))
        if torch.equal(first, second):
            what = f"this {settings['method']} run has no noise: all {samples} outputs would be the same"
            raise CourseError(what, folder, "leave out --samples, or train bicyclegan or munit")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"cannot write here: {error.strerror}", target, "choose a folder you may write to") from error
    torch.manual_seed(seed)
    written = []
    for name, x in zip(names, inputs, strict=True):
        x = x.to(method.device)
        if z is None and hasattr(method, "sample"):
            fakes = method.sample(x, samples, seed)[0]
        else:
            style_of = {} if z is None else {"z": z}
            fakes = torch.cat([method.translate(x, **style_of)["fake_y"] for _ in range(samples)])
        for number, fake_y in enumerate(fakes.cpu(), start=1):
            written.append(target / (f"{name}.png" if samples == 1 else f"{name}_{number}.png"))
            to_image(fake_y).save(png := io.BytesIO(), format="png")
            files.replace_file(written[-1], png.getvalue())
    return written
