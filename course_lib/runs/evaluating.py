"""What a run is worth on held-out data: ``course evaluate``."""

from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from course_lib.data import open_dataset
from course_lib.errors import CourseError
from course_lib.methods.base import Method
from course_lib.metrics import pixels, resampling, samples
from course_lib.metrics.scores import groups_of
from course_lib.runs.opening import open_translator, towards


def translate_batches(
    method: Method, dataset: Dataset, seed: int = 0, batch_size: int = 16
) -> dict[str, Tensor]:
    """x, y and fake_y of a whole dataset, each (n, 3, S, S) on the CPU, in its order.

    ``batch_size`` matters only to a method that normalises with the test batch's own statistics.
    """
    torch.manual_seed(seed)
    out: dict[str, list[Tensor]] = {"x": [], "y": [], "fake_y": []}
    for start in range(0, len(dataset), batch_size):
        items = [dataset[i] for i in range(start, min(start + batch_size, len(dataset)))]
        batch = {
            key: torch.stack([item[key] for item in items]) for key in ("x", "y", *method.maps)
        }
        batch["fake_y"] = method.translate_batch(batch)["fake_y"].cpu()
        for key, parts in out.items():
            parts.append(batch[key])
    return {key: torch.cat(parts) for key, parts in out.items()}


def evaluate(
    folder: Path,
    data: str,
    *,
    split: str = "test",
    direction: str | None = None,
    device: str = "auto",
) -> dict:
    """What can be measured of a run on held-out data, and baselines where training had pairs.

    See ``scores.score``, and ``samples.score_samples`` for a method whose translations of one image
    differ. NAME_low and NAME_high are the ends of a score's 95 % interval over the images, of which
    relatives (``groups`` of the data set) count as one draw.
    """
    method, settings = open_translator(folder, device)
    return score_run(method, settings, data, split, direction, folder)


def score_run(
    method: Method,
    settings: dict,
    data: str,
    split: str = "test",
    direction: str | None = None,
    folder: Path = Path(),
) -> dict:
    """As :func:`evaluate`, of an opened run; ``folder`` is for the messages."""
    size, load = method.config.image_size, method.config.load
    direction = direction or settings["direction"]
    if size < 16:
        what = f"images of {size} px are too small to score (SSIM looks at 11 px)"
        raise CourseError(what, folder, "train at 16 px or more")
    held_out = open_dataset(data, split, size, direction, load=load)
    train_set = open_dataset(data, "train", size, direction, load=load)
    if not set(method.maps) <= held_out[0].keys():
        what = f"this run paints from {' and '.join(method.maps)}, and {data} has none"
        raise CourseError(what, "--data", "try facades")
    if len(method.directions) > 1:
        method = towards(method, settings, direction, folder)
    elif not held_out.paired:
        raise CourseError(f"{data} has no true pairs to compare with", "--data", "give paired data")
    scores = resampling.score(method, data, split, direction)
    if method.has_codes:
        scores |= samples.score_samples(method, data, split, direction, intervals=True)
    if held_out.paired and train_set.paired:
        each = pixels.each_baseline(train_set, held_out)
        scores |= resampling.means(each, groups=groups_of(held_out))
    if begun := settings.get("start"):
        told = f"{begun['name']} at step {begun['steps']}, sha256 {begun['sha256'][:12]}"
        scores["started_from"] = told
    return scores | {"split": split, "data": data, "direction": direction}
