"""What can be measured of a method that makes images from noise alone: is each one real, and are all of them there?"""

import torch

from course_lib.data import open_dataset
from course_lib.methods.base import Method
from course_lib.metrics import distances, diversity

REVISION = (
    1  # raised when a change of the code or of its files changes what score_generated() gives
)
BATCH = 50


@torch.no_grad()
def score_generated(method: Method, data: str, split: str = "test") -> dict[str, float]:
    """Realism and variety of as many samples as there are held-out images y, by features and by L1 (in [0, 2]).

        variety_l1, variety_features          mean distance of two samples
        real_pairs_l1, real_pairs_features    the same of two real images: far below it is collapse
        coverage_features                     share of the real images that some sample comes nearer to than the next
                                              real one is (Naeem et al. 2020)
        frechet_features, kid_features        distances of the two sets
        realism_error                         how often a classifier is wrong: 0 told apart, about 0.5 as good as real
        copy_l1                               from a sample to the nearest training image; of real ones: real_copy_l1

    Two calls give the same numbers; global random state stays as it was.
    """
    size, load = method.config.image_size, method.config.load
    held_out, train = (open_dataset(data, part, size, load=load) for part in (split, "train"))
    real = torch.stack([held_out[i]["y"] for i in range(len(held_out))])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        fake = torch.cat([method.generate(len(part)).cpu() for part in real.split(BATCH)])
    apart = distances.distances(fake, real)
    found = {name: apart[name] for name in distances.NAMES["features"]}
    found |= {"coverage_features": diversity.coverage(fake[None], real[None])}
    found |= {"realism_error": diversity.realism_error(fake, real)}
    known = torch.stack([train[i]["y"] for i in range(len(train))])
    for name, images, prefix in (("variety", fake, ""), ("real_pairs", real, "real_")):
        found |= {f"{name}_{by}": diversity.real_pairs(images, by) for by in ("l1", "features")}
        nearest = (
            torch.cdist(images.flatten(1), known.flatten(1), p=1).min(1).values / images[0].numel()
        )
        found[f"{prefix}copy_l1"] = nearest.mean().item()
    return found
