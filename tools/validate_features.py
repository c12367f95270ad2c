"""Do the course's "features", whose network has seen façades only, order emoji as people do?

python tools/validate_features.py [SPLIT]     the tables of notebooks/guide/data.md, a few minutes

Two questions whose answers are known are put to the features, and to rules without a network:

choices    Given an emoji by one artist and two drawings by another, the same emoji and a different
           one of its Unicode subcategory: how often is the same emoji nearer? By chance 0.5.
           Harder: the different emoji is drawn by the first artist, so that the distance has to see
           what is drawn rather than who drew it.
levels     Given a drawing and five damages of it, each stronger than the last: Kendall's tau of
           strength and distance, 1 where every stronger damage is farther away.
"""

import itertools
import sys

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from course_lib.data.emoji import STYLES, EmojiDrawn, entries
from course_lib.metrics.perceptual import embed
from course_lib.metrics.pixels import each_l1, each_ssim

SIZES = (32, 64, 128)


def coarse(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 16 16"]:
    """The images blurred, as 16 x 16 means."""
    return F.adaptive_avg_pool2d(images, 16)


RULES = {  # of two batches (n, 3, h, w) in [-1, 1]: n distances
    "features": lambda a, b: (embed(a) - embed(b)).square().sum(1),
    "L1": each_l1,
    "L1, blurred": lambda a, b: each_l1(coarse(a), coarse(b)),
    "1 - SSIM": lambda a, b: 1 - each_ssim(a, b),
}


def choices(split: str, size: int, rules=tuple(RULES)) -> dict[str, Float[Tensor, "2 n"]]:
    """Of each rule the share of right choices for each emoji, over the six pairs of artists.

    The two rows are the easier and the harder question. The different emoji is drawn at random from
    all splits, but is no relative ("man running" of "woman running"); an emoji that is alone in its
    subcategory is left out.
    """
    drawn = {style: _drawn(style, size) for style in STYLES}
    rows = list(drawn[STYLES[0]])
    rows = [rows[i] for i in torch.randperm(len(rows), generator=_seeded()).tolist()]
    pairs = []
    for row in EmojiDrawn(split, size).rows:
        unlike = (other for other in rows if _differ(entries()[row], entries()[other]))
        pairs += [(row, other) for other in itertools.islice(unlike, 1)]
    one, two = (
        {style: torch.stack([drawn[style][row] for row in part]) for style in STYLES}
        for part in zip(*pairs, strict=True)
    )
    right = {rule: [] for rule in rules}
    for rule, (first, other) in itertools.product(rules, itertools.permutations(STYLES, 2)):
        same = RULES[rule](one[first], one[other])
        right[rule].append(
            torch.stack([same < RULES[rule](one[first], two[style]) for style in (other, first)])
        )
    return {rule: torch.stack(found).float().mean(0) for rule, found in right.items()}


def _differ(a: dict, b: dict) -> bool:
    return a["kind"] == b["kind"] and a["group"] != b["group"]


def _drawn(style: str, size: int) -> dict[int, Float[Tensor, "3 size size"]]:
    """Each emoji of all splits, by its row in ``entries()``."""
    sets = [EmojiDrawn(split, size, style) for split in ("train", "val", "test")]
    return {row: image for data in sets for row, image in zip(data.rows, data.y, strict=True)}


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def levels(split: str, size: int, rules=tuple(RULES)) -> dict[str, dict[str, float]]:
    """Of each damage, by each rule: Kendall's tau, the mean over each fourth emoji of ``split``."""
    images = EmojiDrawn(split, size).y[::4]
    dust = torch.randn(images.shape, generator=_seeded())
    damages = {  # of strength s, 0.2 to 1
        "blur": lambda s: gaussian_blur(images, 2 * (size // 10) + 1, s * size / 20),
        "noise": lambda s: (images + s * dust).clamp(-1, 1),
        "shift": lambda s: F.pad(images, (round(s * size / 4), 0), value=1.0)[..., :size],
        "hue turned": lambda s: _turned(images, 120 * s),
        "mixed": lambda s: torch.lerp(images, images.roll(1, 0), s / 2),
    }
    found = {name: {} for name in damages}
    for (name, damage), rule in itertools.product(damages.items(), rules):
        far = [RULES[rule](images, damage(k / 5)) for k in range(1, 6)]
        signs = [(b - a).sign() for a, b in itertools.combinations(far, 2)]
        found[name][rule] = torch.stack(signs).mean().item()
    return found


def _turned(images: Tensor, degrees: float) -> Tensor:
    """Colours turned about the axis of greys."""
    angle = torch.tensor(degrees).deg2rad()
    grey, cross = torch.full((3, 3), 1 / 3), torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    turn = torch.eye(3) * angle.cos() + (1 - angle.cos()) * grey + angle.sin() * cross / 3**0.5
    return torch.einsum("dc,nchw->ndhw", turn, images).clamp(-1, 1)


def interval(values: Float[Tensor, " n"]) -> str:
    """Mean and 95 % interval over emoji."""
    return f"{values.mean():.3f} ± {1.96 * values.std() / len(values) ** 0.5:.3f}"


if __name__ == "__main__":
    split = sys.argv[1] if len(sys.argv) > 1 else "val"
    for size in SIZES:
        right = choices(split, size)
        print(f"\n{split}, {size} px, n = {right['features'].shape[1]}")
        print("right choices: easier, harder; features less this rule: easier, harder")
        for rule, shares in right.items():
            print(f"{rule:12}", *map(interval, (*shares, *(right["features"] - shares))), sep=" | ")
        print("Kendall's tau of", *RULES, sep=" | ")
        for damage, taus in levels(split, size).items():
            print(f"{damage:12}", *(f"{tau:.3f}" for tau in taus.values()), sep=" | ", flush=True)
