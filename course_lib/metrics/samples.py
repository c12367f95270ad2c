"""All that can be measured of a method whose translations of one image differ: what diversity.py and factors.py know.

``runs.evaluate`` and the sweeps add it to ``scores.score`` for every method that has codes.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import default_collate

from course_lib.data import open_dataset
from course_lib.data.facades import photographs
from course_lib.methods.base import Method
from course_lib.metrics import distances, diversity, factors, perceptual, pixels, resampling, scores

REVISION = 2  # raised when a change of the code or of its files changes what score_samples() gives
INPUTS, SAMPLES = 100, 20  # of the paper's diversity
NEAREST = 8  # answers that a person would look through
DEEP, MANY, TRUE = (
    30,
    40,
    8,
)  # inputs that get more samples, so that 8 modes can be counted, and true answers to each
SHARED = 20  # inputs that see the same 20 codes
PIXELS = 2**18  # that a generator makes at a time


@torch.no_grad()
def paint(
    method: Method, x: Float[Tensor, "n 3 s s"], z: Float[Tensor, "#n k ..."]
) -> Float[Tensor, "n k 3 s s"]:
    """k translations of each x, with codes of its own or, if z is (1, k, ...), the same for all; on the CPU."""
    z, size, parts = z.expand(len(x), *z.shape[1:]), max(1, PIXELS // x.shape[-1] ** 2), []
    for images, codes in zip(x.split(size), z.split(size), strict=True):
        # code by code: the batches are alike, so that a method that ignores z gives equal answers to the last bit
        fakes = [
            method.translate(images.to(method.device), code)["fake_y"].cpu()
            for code in codes.unbind(1)
        ]
        parts.append(torch.stack(fakes, dim=1))
    return torch.cat(parts)


def score_samples(
    method: Method,
    data: str,
    split: str = "test",
    direction: str = "xy",
    *,
    intervals: bool = False,
) -> dict[str, float]:
    """Diversity, realism and, of façades painted from labels, what becomes of the true style's factors.

    BY is "features", and "lpips" as well where torch's cache holds its weights.

        diversity_BY, diversity_l1     mean distance of consecutive samples, 20 of each of 100 inputs
        real_pairs_BY, real_pairs_l1   the same of random pairs of real images
        nearest_features               distance from the true answer to the nearest of 20 samples
        nearest_l1                     L1 from the true answer to the nearest of 8 samples
        realism_error                  how often a classifier is wrong: 0 told apart, about 0.5 as good as real
        frechet_features, kid_features Fréchet and kernel distance to the real images, one sample for each input
        common_colour                  share of the mean colour's variance over z that all inputs have in common
        encoded_l1                     L1 between y and G(x, E's mu of y), if there is an E

    A method that translates both ways, as MUNIT, and data whose true pairs are known:

        colour_follows                 whether outputs have the colours of the 20 examples whose style they got
        encoded_l1, encoded_top1, encoded_shape_top1
                                       of the translation in the style of the true answer; see ``scores.score``

    Façades, to photographs, where FACTOR is one of ``factors.NAMES``; 30 inputs with 40 samples each:

        walls_covered                  how many of the 8 colours of wall come up at least twice, for one input
        coverage_features              share of 8 true photographs, one of each wall, that a sample comes near to
        distance_FACTOR                from the true distribution to that over the samples of one input
        hue_same_z, hue_same_input     whether z keeps the wall's hue over inputs, and how far it moves it for one
        common_FACTOR                  share of the factor's variance over z that all inputs have in common
        readout_FACTOR                 R^2 of a linear readout from E's mu, if there is an E

    What a generator of true photographs would get on test at 32 px: diversity_features 0.44 and diversity_l1 0.19 (real
    pairs, of different houses: 0.73 and 0.33), nearest_features 0.13, realism_error 0.48, frechet_features 0.7,
    kid_features 0.00, walls_covered 7.7, coverage_features 1.0, distance_wall 0.16 and the others 0.05 to 0.13, by
    chance; if z means the same for every house, common_colour 0.95, hue_same_z 0.99 and hue_same_input 0.67.

    With ``intervals`` those that are means over inputs, and kid_features, have NAME_low and NAME_high beside them.
    ``method`` is one that has codes. Global random state stays as it was; two calls give the same numbers.
    Where the test set is small, less is taken.
    """
    held_out = open_dataset(
        data, split, method.config.image_size, direction, load=method.config.load
    )
    items = default_collate([held_out[i] for i in range(len(held_out))])
    x, y, n = items["x"], items["y"], min(INPUTS, len(held_out))
    rows = torch.arange(n) * len(held_out) // n  # spread over the set, which may be in an order
    codes = method.noise(len(x) * MANY, 0).unflatten(
        0, (len(x), MANY)
    )  # of all inputs, in their order
    samples, other = (
        paint(method, x[rows], codes[rows, :SAMPLES]),
        paint(method, x, codes[:, -1:])[:, 0],
    )
    found, each = {}, {}
    for by in (
        "l1",
        *(by for by in perceptual.available() if by == "features" or x.shape[-1] >= 32),
    ):
        each[f"diversity_{by}"] = diversity.each_diversity(samples, by)
        found[f"real_pairs_{by}"] = diversity.real_pairs(y, by)
    each["nearest_features"] = diversity.each_nearest(samples, y[rows])
    each["nearest_l1"] = (samples[:, :NEAREST] - y[rows, None]).abs().mean((2, 3, 4)).min(1).values
    found["realism_error"] = diversity.realism_error(other, y)
    apart = distances.distances(other, y)
    found |= apart if intervals else {name: apart[name] for name in distances.NAMES["features"]}
    few = rows[:: max(1, n // SHARED)][:SHARED]
    shared = paint(method, x[few], method.noise(SAMPLES, 1)[None])
    found["common_colour"] = diversity.common_share(shared.mean((3, 4)))
    if method.reads_codes:
        mu = _encoded(method, y[rows])
        each["encoded_l1"] = pixels.each_l1(paint(method, x[rows], mu[:, None])[:, 0], y[rows])
    found |= resampling.means(each, intervals)
    if len(method.directions) > 1 and held_out.paired:
        examples = y[torch.arange(SAMPLES) * len(y) // SAMPLES]
        found |= resampling.means(_of_examples(method, x, y), intervals)
        styled = paint(method, x[few], _encoded(method, examples)[None])
        found["colour_follows"] = diversity.colour_follows(styled, examples)
    if data in ("facades", "facades:unpaired") and direction == "xy":
        deep = rows[:DEEP]
        more = torch.cat([samples[:DEEP], paint(method, x[deep], codes[deep, SAMPLES:])], dim=1)
        found |= _of_facades(method, split, items, deep, more, shared, few)
    return found


def _encoded(method: Method, y: Tensor) -> Float[Tensor, "n z_dim"]:
    return torch.cat([method.encode(part.to(method.device)) for part in y.split(64)])


def _of_examples(method: Method, x: Tensor, y: Tensor) -> dict[str, Float[Tensor, " n"]]:
    fake = paint(method, x, _encoded(method, y)[:, None])[:, 0]
    nearer = {
        "encoded_top1": (fake, y),
        "encoded_shape_top1": (scores.shape(fake), scores.shape(y)),
    }
    found = {name: (scores.others_nearer(*search) < 1).double() for name, search in nearer.items()}
    return {"encoded_l1": pixels.each_l1(fake, y)} | found


def _of_facades(
    method: Method,
    split: str,
    items: dict,
    deep: Tensor,
    samples: Tensor,
    shared: Tensor,
    few: Tensor,
) -> dict[str, float]:
    size = items["y"].shape[-1]
    photos, _, styles = photographs(split, size, deep.tolist(), "true answers", TRUE)
    seen, truth = (
        factors.read(samples.flatten(0, 1)).unflatten(0, samples.shape[:2]),
        factors.read(photos),
    )
    found = {"walls_covered": factors.walls_covered(seen)}
    found["coverage_features"] = diversity.coverage(samples, photos.unflatten(0, (len(deep), TRUE)))
    found |= {
        f"distance_{name}": value for name, value in factors.factor_distances(seen, truth).items()
    }
    found |= factors.hue_agreement(shared, items["labels"][few])
    same = factors.read(shared.flatten(0, 1)).unflatten(0, shared.shape[:2])
    found |= {f"common_{name}": value for name, value in factors.common_factors(same).items()}
    if method.reads_codes:
        # half of the houses teach, the others test; the photographs above are of some of the same houses
        houses = torch.cat([torch.arange(len(items["y"])), deep.repeat_interleave(TRUE)])
        mu = _encoded(method, torch.cat([items["y"], photos])).cpu()
        r2 = factors.readout(mu, torch.cat([items["style"], styles]), houses % 4 < 2)
        found |= {f"readout_{name}": value for name, value in r2.items()}
    return found
