"""What can be measured of a method that makes images from noise alone: is each one real, and are
all of them there?
"""

import torch

from course_lib.data import open_dataset
from course_lib.methods.base import Method
from course_lib.metrics import distances, diversity

BATCH = 50


@torch.no_grad()
def score_generated(method: Method, data: str, split: str = "test") -> dict[str, float]:
    """Realism and variety of as many samples as there are held-out images y, by features and by L1
    (in [0, 2]).

        variety_l1                            mean distance of two samples
        real_pairs_l1                         the same of two real images: far below it is collapse
        coverage_features                     share of the real images that some sample comes nearer
        to than the next
                                              real one is (Naeem et al. 2020)
        frechet_features, kid_features        distances of the two sets
        realism_error                         how often a classifier is wrong: 0 told apart, about
        0.5 as good as real

    Two calls give the same numbers; global random state stays as it was.
    """
    held_out = open_dataset(data, split, method.config.image_size, load=method.config.load)
    real = torch.stack([held_out[i]["y"] for i in range(len(held_out))])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fake = torch.cat([method.generate(len(part)).cpu() for part in real.split(BATCH)])
    apart = distances.distances(fake, real)
    return {
        "frechet_features": apart["frechet_features"],
        "kid_features": apart["kid_features"],
        "coverage_features": diversity.coverage(fake[None], real[None]),
        "realism_error": diversity.realism_error(fake, real),
        "variety_l1": diversity.real_pairs(fake, "l1"),
        "real_pairs_l1": diversity.real_pairs(real, "l1"),
    }
