"""Numbers on held-out images. No single one is enough: a grid of pixels can win on L1, a blur on
PSNR.

Images are batches (n, 3, h, w) in [-1, 1], fakes first, reals second; every metric returns a Python
float. The metrics that compare image by image (l1, psnr, ssim) need pairs; the others compare sets,
which may differ in number. All raise ValueError for an empty batch, one that is not (n, 3, h, w),
or two that do not fit. A ratio is nan where the real images have next to nothing of what it
compares (see NOTHING): they are flat, or grey. No network learns from these: they record no
gradients.
"""

import math
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from course_lib.errors import expect

BINS = 8  # of each colour channel in the joint histogram
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
GRID_BAND = 0.45  # cycles per pixel; the highest frequency an image can hold is 0.5
# What real images have at least, or a ratio to them says nothing: half a level of 8 bits is 0.004.
NOTHING = {"sharpness": 1e-3, "grid_energy": 1e-6, "chroma": 5e-3}
CHUNK = 64  # images at a time where a metric needs several times their memory


def l1(fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "n 3 h w"]) -> float:
    """Mean absolute difference, in [0, 2]."""
    return each_l1(fake, real).mean().item()


def psnr(fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "n 3 h w"]) -> float:
    """Peak signal-to-noise ratio in dB, 10 log10(4 / MSE), computed for each image and averaged.

    inf if one of the fakes equals its real image exactly.
    """
    return each_psnr(fake, real).mean().item()


def ssim(fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "n 3 h w"]) -> float:
    """Structural similarity, 1 for equal images (Wang et al. 2004; Gaussian window of 11 px),
    averaged over images and over the three colour channels (the paper takes the luminance alone).

    It compares intensities in [0, 1]: its luminance term, (2ab + c) / (a^2 + b^2 + c) of two local
    means, presumes that they are not negative. On [-1, 1] a slightly brighter grey would count as
    unlike, and scores would be lower.
    """
    return each_ssim(fake, real).mean().item()


def each_l1(fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    """L1 of each image."""
    fake, real = as_pairs(fake, real)
    return (fake - real).abs().flatten(1).mean(1)


def each_psnr(
    fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "n 3 h w"]
) -> Float[Tensor, " n"]:
    """PSNR of each image, in dB."""
    from torchmetrics.functional.image import peak_signal_noise_ratio

    fake, real = as_pairs(fake, real)
    return peak_signal_noise_ratio(fake, real, data_range=2.0, reduction="none", dim=(1, 2, 3))


def each_ssim(
    fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "n 3 h w"]
) -> Float[Tensor, " n"]:
    """SSIM of each image; ValueError under 11 px."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    fake, real = (images / 2 + 0.5 for images in as_pairs(fake, real))  # [-1, 1] -> [0, 1]
    expect(
        min(fake.shape[-2:]) > 10,
        f"SSIM looks through a window of 11 px; these images are {tuple(fake.shape[-2:])}",
    )
    chunks = zip(fake.split(CHUNK), real.split(CHUNK), strict=True)
    values = [
        structural_similarity_index_measure(*pair, data_range=1.0, reduction="none")
        for pair in chunks
    ]
    return torch.cat([value.reshape(-1) for value in values])  # of one image: a scalar


def sharpness(images: Float[Tensor, "n 3 h w"]) -> float:
    """Mean gradient magnitude sqrt(dx^2 + dy^2), from forward differences of each channel, per
    pixel.

    Noise and grids count as sharp, so read it together with :func:`grid_ratio`.
    """
    images = _images(images)
    corner = images[..., :-1, :-1]
    dx, dy = images[..., :-1, 1:] - corner, images[..., 1:, :-1] - corner
    return torch.hypot(dx, dy).mean().item()


def sharpness_ratio(fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "m 3 h w"]) -> float:
    """Sharpness of the fakes over that of the reals: 1 is right, below is blurred."""
    return _ratio(sharpness, fake, real)


def edge_agreement(x: Float[Tensor, "n 3 h w"], y: Float[Tensor, "n 3 h w"]) -> Float[Tensor, " n"]:
    """Do the edges of x and y lie in the same places? The correlation of two maps of steepness, in
    [-1, 1].

    Steepness is sqrt(dx^2 + dy^2) of the mean over the channels, from central differences. A flat
    picture has no edges, and a smooth ramp neither: near 0.
    """
    maps = []
    for images in as_pairs(x, y):
        dy, dx = torch.gradient(images.mean(1), dim=(1, 2))
        steep = torch.hypot(dx, dy).flatten(1)
        least = NOTHING["sharpness"] * steep.shape[1] ** 0.5  # below it rounding would correlate
        maps.append(torch.nn.functional.normalize(steep - steep.mean(1, keepdim=True), eps=least))
    return (maps[0] * maps[1]).sum(1)


def grid_energy(images: Float[Tensor, "n 3 h w"]) -> float:
    """Spectral energy near the frequency of the pixel grid, as mean square of the luminance.

    The luminance is the mean of the channels, less its mean over the image; its power spectrum,
    averaged over images, is summed where abs(fx) or abs(fy) exceeds 0.45 cycles per pixel. The
    checkerboard that a 4x4 transposed convolution of stride 2 leaves behind repeats every 2 px: 0.5
    cycles per pixel, inside the band (Odena et al. 2016).
    """
    luminance = _images(images).mean(1)  # (n, h, w)
    luminance = luminance - luminance.mean((1, 2), keepdim=True)
    # (h, w); its sum is the variance
    power = torch.fft.fft2(luminance, norm="forward").abs().square().mean(0)
    fy, fx = (torch.fft.fftfreq(side, device=power.device).abs() for side in power.shape)
    return power[(fy[:, None] > GRID_BAND) | (fx[None, :] > GRID_BAND)].sum().item()


def grid_ratio(fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "m 3 h w"]) -> float:
    """Grid energy of the fakes over that of the reals: well above 1 means a visible grid, below 1 a
    soft image.
    """
    return _ratio(grid_energy, fake, real)


def chroma_ratio(fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "m 3 h w"]) -> float:
    """Mean distance of the channels from their mean, fakes over reals: below 1 the colours are
    paler than real.
    """
    return _ratio(chroma, fake, real)


def chroma(images: Float[Tensor, "n 3 h w"]) -> float:
    """Mean absolute distance of the channels from their mean: 0 for grey images."""
    return (images - images.mean(1, keepdim=True)).abs().mean().item()


def histogram_intersection(fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "m 3 h w"]) -> float:
    """Overlap of the joint RGB histograms of the two sets, 0 (no colour in common) to 1 (the same
    colours).

    8 bins per channel, 512 in all, over all pixels of all images; each histogram sums to 1; sum of
    the minima. It compares sets, not pairs: the right colours in the wrong places still count.
    """
    fake, real = _sets(fake, real)
    shares = []
    for images in (fake, real):
        red, green, blue = ((images + 1) / 2 * BINS).long().clamp(0, BINS - 1).unbind(1)
        numbers = (red * BINS + green) * BINS + blue
        counts = torch.bincount(numbers.flatten(), minlength=BINS**3).double()
        shares.append(counts / counts.sum())
    return torch.minimum(*shares).sum().item()


def linear_light(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """sRGB in [-1, 1] to shares of the light of white, in [0, 1] (IEC 61966-2-1)."""
    rgb = (images.float().clamp(-1, 1) + 1) / 2
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def rgb_to_lab(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """sRGB in [-1, 1] to CIE Lab with white point D65.

    L lies in [0, 100], a and b in about [-108, 99].
    """
    linear = linear_light(_images(images))
    to_xyz = torch.tensor(TO_XYZ).to(linear)
    to_xyz = to_xyz / to_xyz.sum(1, keepdim=True)  # white is (1, 1, 1)
    xyz = torch.einsum("ij,njhw->nihw", to_xyz, linear)
    delta = 6 / 29
    f = torch.where(xyz > delta**3, xyz.clamp(min=1e-9) ** (1 / 3), xyz / (3 * delta**2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def evaluate(fake: Float[Tensor, "n 3 h w"], real: Float[Tensor, "n 3 h w"]) -> dict[str, float]:
    """The numbers of a paired test set, each under the name of its function, and ``n``, the number
    of pairs.
    """
    metrics = (l1, psnr, ssim, sharpness_ratio, grid_ratio, histogram_intersection, chroma_ratio)
    return {metric.__name__: metric(fake, real) for metric in metrics} | {"n": len(fake)}


# A number becomes readable beside the answer that took no learning. Datasets give dicts of x and y,
# (3, h, w) each; use them without augmentation.


def mean_image(data: Dataset) -> Float[Tensor, "3 h w"]:
    """The mean of all y: the constant answer with the least squared error (for the least L1 it
    would be the median).
    """
    return (sum(y.double().sum(0) for (y,) in _batches(data, CHUNK, "y")) / len(data)).float()


def nearest_neighbours(
    x_query: Float[Tensor, "n 3 h w"], train: Dataset, key: str = "x"
) -> Int[Tensor, " n"]:
    """Indices of the items of ``train`` whose ``key`` is nearest to each query in L1; of equals,
    the first.
    """
    query = _images(x_query).flatten(1)
    distances = [  # (n, CHUNK) each
        torch.cdist(query, images.to(query).flatten(1), p=1)
        for (images,) in _batches(train, CHUNK, key)
    ]
    return torch.cat(distances, dim=1).argmin(1).cpu()


def each_baseline(dataset_train: Dataset, dataset_test: Dataset) -> dict[str, Float[Tensor, " n"]]:
    """L1 on each test image of two answers without a network; both sets are paired.

    ``baseline_mean_l1``: always the mean training image. ``baseline_nn_l1``: the y of the nearest
    training x.
    """
    mean, errors = mean_image(dataset_train), {"baseline_mean_l1": [], "baseline_nn_l1": []}
    for x, y in _batches(dataset_test, 4 * CHUNK, "x", "y"):  # each reads the whole training set
        nearest = nearest_neighbours(x, dataset_train)
        answers = torch.stack([dataset_train[i]["y"] for i in nearest.tolist()])
        errors["baseline_mean_l1"].append(each_l1(mean.expand_as(y), y))
        errors["baseline_nn_l1"].append(each_l1(answers, y))
    return {name: torch.cat(parts) for name, parts in errors.items()}


def _batches(data: Dataset, size: int, *keys: str) -> Iterator[list[Tensor]]:
    """Of each of ``keys`` the images, stacked, in order. What else items hold may be anything."""
    for start in range(0, len(data), size):
        items = [data[i] for i in range(start, min(start + size, len(data)))]
        yield [torch.stack([item[key] for item in items]) for key in keys]


def _images(images: Tensor) -> Tensor:
    expect(
        images.ndim == 4 and images.shape[1] == 3 and images.numel(),
        f"expected images (n, 3, h, w) with n > 0, got {tuple(images.shape)}",
    )
    return images.detach().float()


def _sets(fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    expect(
        fake.shape[1:] == real.shape[1:],
        f"fakes {tuple(fake.shape)} and reals {tuple(real.shape)} differ in size",
    )
    return _images(fake), _images(real)


def as_pairs(fake: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Both as float32 without gradients; raises ValueError if they are no pairs of images."""
    expect(len(fake) == len(real), f"{len(fake)} fakes and {len(real)} reals are not pairs")
    return _sets(fake, real)


def _ratio(measure: Callable[[Tensor], float], fake: Tensor, real: Tensor) -> float:
    fake, real = _sets(fake, real)
    reference = measure(real)
    return measure(fake) / reference if reference > NOTHING[measure.__name__] else math.nan
