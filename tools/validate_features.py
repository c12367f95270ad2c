"""Do the eyes behind the scores order pictures as people do? Those that have seen façades
("features"), those that have seen photographs ("lite0"), and rules without a network.

python tools/validate_features.py [SPLIT]    the tables of notebooks/guide/data.md, some minutes

Questions whose answers are known:

choices    Given an emoji by one artist and two drawings by another, the same emoji and a different
           one of its Unicode subcategory: how often is the same emoji nearer? By chance 0.5.
           Harder: the different emoji is drawn by the first artist, so that the distance has to see
           what is drawn rather than who drew it.
squares    Given a square of a photograph, is another square of it nearer than one of another
           photograph? Of paintings: is a work by the same painter nearer than one by the other?
sets       Of two sets of squares, is KID 0 for sets that are alike, and many of its standard errors
           above 0 for damaged ones, or those of another painter?

A distance compares place by place; ", pooled" is the distance of what a picture is like as a whole,
which KID and the Fréchet distance compare.
"""

import functools
import itertools
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from course_lib.data import paintings
from course_lib.data.emoji import STYLES, EmojiDrawn, entries
from course_lib.data.paintings import Paintings
from course_lib.data.photos import FIXED, Photos
from course_lib.metrics.intervals import bootstrap
from course_lib.metrics.perceptual import EYES, embed, kid, last_means
from course_lib.metrics.pixels import each_l1, each_ssim
from course_lib.metrics.resampling import of_mean, quotient

SIZES = (32, 64, 128)
OTHERS = 20  # photographs that each square is compared with


RULES = {  # of two batches (n, 3, h, w) in [-1, 1]: n distances
    "features": lambda a, b: (embed(a) - embed(b)).square().sum(1),
    "lite0": lambda a, b: (embed(a, "lite0") - embed(b, "lite0")).square().sum(1),
    "L1": each_l1,
    "1 - SSIM": lambda a, b: 1 - each_ssim(a, b),
    **{  # the distance of the means of the last layer
        f"{eyes}, pooled": lambda a, b, eyes=eyes: (
            (last_means(a, eyes) - last_means(b, eyes)).square().sum(1)
        )
        for eyes in ("features", "lite0")
    },
}


# ---- emoji


def choices(split: str, size: int) -> dict[str, Float[Tensor, "2 n"]]:
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
        kind, group = entries()[row]["kind"], entries()[row]["group"]
        unlike = (
            i for i in rows if entries()[i]["kind"] == kind and entries()[i]["group"] != group
        )
        pairs += [(row, other) for other in itertools.islice(unlike, 1)]
    one, two = (
        {style: torch.stack([drawn[style][row] for row in part]) for style in STYLES}
        for part in zip(*pairs, strict=True)
    )
    right = {rule: [] for rule in RULES}
    for rule, (first, other) in itertools.product(RULES, itertools.permutations(STYLES, 2)):
        same = RULES[rule](one[first], one[other])
        unlike = [RULES[rule](one[first], two[style]) for style in (other, first)]
        right[rule].append(torch.stack([same < far for far in unlike]))
    return {rule: torch.stack(found).float().mean(0) for rule, found in right.items()}


def _drawn(style: str, size: int) -> dict[int, Float[Tensor, "3 size size"]]:
    """Each emoji of all splits, by its row in ``entries()``."""
    sets = [EmojiDrawn(split, size, style) for split in ("train", "val", "test")]
    return {row: image for data in sets for row, image in zip(data.rows, data.y, strict=True)}


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


# ---- photographs and paintings


def squares(pictures: Float[Tensor, "p s 3 h w"], kinds: Tensor) -> dict[str, Float[Tensor, " p"]]:
    """Of each rule, for each picture, how often one of its kind is nearer than one of another.

    ``pictures`` are p with s squares each. Kinds are numbers: where each picture has its own, the
    near one is another square of the picture itself, else it is of another picture of its kind.
    """
    p, s = pictures.shape[:2]
    own, generator = len(kinds.unique()) == p, _seeded()
    draw = functools.partial(torch.randint, generator=generator)
    rows = []  # (picture, square) thrice: the given one, the near and the far one
    for i in range(p):
        like = [j for j in range(p) if kinds[j] == kinds[i] and (own or j != i)]
        unlike = [j for j in range(p) if kinds[j] != kinds[i]]
        for _ in range(OTHERS):
            j, k = (pool[draw(len(pool), ())] for pool in (like, unlike))
            a, b = torch.randperm(s, generator=generator)[:2].tolist()
            rows.append((i * s + a, j * s + b, k * s + draw(s, ()).item()))
    given, near, far = pictures.flatten(0, 1)[torch.tensor(rows).T]
    found = {}
    for name, rule in RULES.items():
        found[name] = (rule(given, near) < rule(given, far)).float().view(p, OTHERS).mean(1)
    return found


def photographs(split: str, size: int) -> tuple[Float[Tensor, "p s 3 h w"], Tensor]:
    """Each photograph of a split in five squares, each a kind of its own."""
    data = Photos(split, size)
    y = torch.stack([data[i]["y"] for i in range(len(data))])  # square by square
    return y.unflatten(0, (len(FIXED), -1)).transpose(0, 1), torch.arange(len(y) // len(FIXED))


def painted(size: int) -> tuple[Float[Tensor, "p s 3 h w"], Tensor]:
    """All works of both painters in five squares, two kinds."""
    data, works = Photos("val", size), paintings.entries()
    places = [(min(side, Paintings.sides[1]), *place) for side, *place in FIXED]
    cut = [data.cut(paintings.painting(one["name"]), *at) for one in works for at in places]
    kinds = [one["painter"] == works[0]["painter"] for one in works]
    return torch.stack(cut).unflatten(0, (-1, len(places))), torch.tensor(kinds)


def damages(images: Float[Tensor, "n 3 h w"]) -> dict[str, Callable[[float], Tensor]]:
    """By name, what makes images of a strength of 0 (nothing) to 1."""
    n, size = len(images), images.shape[-1]
    dust = torch.randn(images.shape, generator=_seeded())
    order = torch.rand(64, generator=_seeded()).argsort()
    field = torch.randn(n, 2, 5, 5, generator=_seeded())
    return {
        "blur": lambda s: gaussian_blur(images, 2 * (size // 10) + 1, s * size / 20),
        "noise": lambda s: (images + s * dust).clamp(-1, 1),
        "hue turned": lambda s: turned(images, 120 * s),
        "paler": lambda s: torch.lerp(images, images.mean(1, keepdim=True).expand_as(images), s),
        "shuffled": lambda s: shuffled(images, order[: round(64 * s)]),
        "warped": lambda s: warped(images, field * s / 8),
        "mixed": lambda s: torch.lerp(images, images.roll(1, 0), s / 2),
    }


def sets(split: str, size: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Of two sets of squares, by each eyes: KID, and how many of its standard errors it is."""
    (photos, _), (works, kinds) = photographs(split, size), painted(size)
    some, others = photos[::2][: len(photos) // 2], photos[1::2]
    pairs = {
        "photographs (alike)": (some, others),
        "paintings (alike)": (works[::2], works[1::2]),
        "the two painters": (works[kinds][: int((~kinds).sum())], works[~kinds]),
    }
    for name, damage in damages(some.flatten(0, 1)).items():
        pairs[f"photographs, {name}"] = damage(0.4).view_as(some), others
    found = {}
    for name, (a, b) in pairs.items():
        groups = torch.arange(len(a)).repeat_interleave(a.shape[1])
        found[name] = {}
        for eyes in EYES:
            value, low, high = kid(
                *(last_means(part.flatten(0, 1), eyes) for part in (a, b)), groups
            )
            found[name][eyes] = value, 3.92 * value / (high - low)
    return found


def turned(images: Tensor, degrees: float) -> Tensor:
    """Colours turned about the axis of greys."""
    angle = torch.tensor(degrees).deg2rad()
    grey, cross = torch.full((3, 3), 1 / 3), torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    turn = torch.eye(3) * angle.cos() + (1 - angle.cos()) * grey + angle.sin() * cross / 3**0.5
    return torch.einsum("dc,nchw->ndhw", turn, images).clamp(-1, 1)


def shuffled(images: Tensor, places: Tensor) -> Tensor:
    """Cut into 8 x 8 tiles, of which those at ``places`` go round."""
    side = images.shape[-1] // 8
    tiles = F.unfold(images, side, stride=side)
    tiles[..., places] = tiles[..., places.roll(1)]
    return F.fold(tiles, images.shape[-2:], side, stride=side)


def warped(images: Tensor, field: Float[Tensor, "n 2 5 5"]) -> Tensor:
    """Moved by a smooth random field, in halves of the side."""
    moves = F.interpolate(field, images.shape[-2:], mode="bicubic").movedim(1, -1)
    still = torch.eye(2, 3).expand(len(images), 2, 3)
    grid = F.affine_grid(still, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid + moves, padding_mode="reflection", align_corners=False)


# ---- the tables


def mean(values: Float[Tensor, " n"]) -> str:
    """Mean and ends of the 95 % interval over emoji, photographs or works."""
    low, high = bootstrap(of_mean(values), quotient)[:, 0].tolist()
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def show(title: str, found: dict[str, Tensor]) -> None:
    """A line a rule: how often it is right, and how much more often the photographs' eyes are."""
    for rule, values in found.items():
        ours = found["lite0, pooled" if "pooled" in rule else "lite0"]
        print(title, rule, mean(values), mean(ours - values), sep=" | ", flush=True)


def main(split: str) -> None:
    for size in SIZES:
        print(f"\n{split}, {size} px; question | rule | right | lite0 less the rule")
        for title, right in zip(("same emoji", "same emoji, harder"), range(2), strict=True):
            show(title, {rule: shares[right] for rule, shares in choices(split, size).items()})
        show("same photograph", squares(*photographs(split, size)))
        show("same painter (all splits)", squares(*painted(size)))
        print("\nKID of two sets, standard errors: ", *EYES, sep=" | ")
        for name, found in sets(split, size).items():
            print(name, *(f"{kid:.3f}, {errors:.1f}" for kid, errors in found.values()), sep=" | ")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "val")
