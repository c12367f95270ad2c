"""Previews of a training: held-out images, translated again and again, scored; the best is kept."""

from operator import itemgetter

import torch
from torch import Tensor

from course_lib.data import files
from course_lib.data.base import MapDataset, View, spread
from course_lib.networks.hardware import seeded
from course_lib.training import checkpoint
from course_lib.training.progress import Progress
from course_lib.training.run import TrainingRun, lines_of, read_rows


class Previews:
    """``count`` times in a training, the same images of ``val`` are translated, scored and shown.

    Of a GAN without inputs it is samples. With ``keep="best"`` in the configuration the best
    preview's checkpoint is kept in OUT/best.
    """

    def __init__(
        self,
        run: TrainingRun,
        val: MapDataset | None,
        count: int,
        progress: Progress,
    ):
        self.run, self.method, self.count = run, run.method, count
        self.progress = progress
        self.keeps_best = run.method.config.keep == "best"
        self.best = run.out / "best" if run.out else None
        self.scores: list[dict] = []  # of the held-out images, at each preview
        self.val: dict[str, Tensor] = {}
        if val is not None and len(val):
            self._hold_out(View(val))

    def _hold_out(self, val: View) -> None:
        """Keep up to 64 images of ``val``, spread evenly; up to six of them are shown."""
        rows = spread(range(len(val)), 64)
        items, worth_showing = [val[row] for row in rows], val.presentable
        self.val = {
            key: torch.stack([item[key] for item in items]).to(self.method.device)
            for key in ("x", "y", *self.method.maps)
        }
        self.on_screen = [k for k, row in enumerate(rows) if row in worth_showing][:6]
        self.groups = [val.groups[row] for row in rows] if val.groups else rows
        self.paired, self.eyes = val.paired, val.eyes

    def start(self) -> None:
        """Forget what a killed run has previewed after the step at which this one goes on."""
        # counted in the length that the training has now, which may be another than before
        self.passed = int(self.run.share() * self.count + 1e-9) if self.run.step else -1
        if self.best is not None:  # it may be there of a run that kept the best
            known = read_rows(self.best.with_name("scores.jsonl")).values()
            self.scores = [row for row in known if row["step"] <= self.run.step]
            folder = self.best / "checkpoints"
            files.remove_leftovers(folder)
            for late in [step for step in checkpoint.steps(folder) if step > self.run.step]:
                checkpoint.drop(folder / f"{late:08d}")
            if self.keeps_best:
                self.run.describe(self.best)

    def show(self) -> None:
        """Show a preview whenever another 1 / ``count`` of the training is done."""
        run, passed = self.run, int(self.run.share() * self.count + 1e-9)
        something_to_show = self.val or not self.method.translates
        if not self.count or not something_to_show or passed <= self.passed:
            return
        run.read()
        self.passed = passed
        with seeded(run.seed, self.method.device):
            if self.method.translates:
                rows, title = self._translated(), "held-out images"
            else:
                rows, title = self.method.preview(), "samples from the same noise"
                if self.val and self.keeps_best:
                    self._score(self.method.generate(len(self.val["y"])))
        is_best = self.scores and min(self.scores, key=itemgetter("score")) is self.scores[-1]
        path = run.out / "previews" / f"{run.step:08d}.png" if run.out else None
        self.progress.show(rows, title, run.step, path)
        if self.best and self.keeps_best and is_best:
            run.write(self.best / "checkpoints")
            # a run that is killed goes on from here or later, and so keeps this best one
            run.save()

    def _translated(self) -> dict[str, Tensor]:
        """Rows of held-out images and their translations, of which all are scored."""
        starts = range(0, len(self.val["x"]), 16)
        parts = [{key: images[i : i + 16] for key, images in self.val.items()} for i in starts]
        fakes = [self.method.translate_batch(part)["fake_y"] for part in parts]
        rows = {"x": self.val["x"], "fake_y": torch.cat(fakes)}
        if self.paired:  # without pairs, y shows something else
            rows["y"] = self.val["y"]
        self._score(rows["fake_y"])
        return {name: images[self.on_screen] for name, images in rows.items()}

    def _score(self, fake_y: Tensor) -> None:
        """How far the held-out images are from the truth goes into scores.jsonl.

        With pairs it is the L1, of each image and, in the history, of all; without, and where the
        best is to be kept, it is the KID of the sets, which takes longer.
        """
        run, y = self.run, self.val["y"]
        row = {"step": run.step, "groups": self.groups}
        if not run.history:
            return
        if self.method.translates and self.paired:
            apart = (fake_y - y).abs()
            run.history[-1]["val_l1"] = row["score"] = apart.mean().item()
            row |= {"kind": "L1", "each": apart.mean(dim=(1, 2, 3)).tolist()}
        elif self.keeps_best:
            from course_lib.metrics.perceptual import distances

            kid = distances(fake_y.cpu(), y.cpu(), torch.tensor(self.groups), eyes=self.eyes)
            names = {"score": "", "low": "_low", "high": "_high"}
            row |= {"kind": "KID"} | {n: kid[f"kid_{self.eyes}{end}"] for n, end in names.items()}
        else:
            return
        self.scores.append(row)
        if run.out is not None:
            files.replace_file(run.out / "scores.jsonl", lines_of(self.scores))
