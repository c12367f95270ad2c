"""The papers' own measures by torchmetrics. They need the extra ``papers`` and, once, the net."""

from torch import Tensor

from course_lib.errors import telling

MISSING = (
    (ImportError, OSError),
    "it cannot be measured",
    __name__,
    "pip install 'gan-translation-course[papers]'; the first call downloads weights",
)


def lpips(a: Tensor, b: Tensor) -> float:
    """Mean LPIPS (Zhang et al. 2018) of pairs (n, 3, h, w) in [-1, 1] of 32 px or more."""
    with telling(*MISSING):
        from torchmetrics.functional.image import learned_perceptual_image_patch_similarity as of

        return of(a.clamp(-1, 1), b.clamp(-1, 1), net_type="alex").item()


def fid(fake: Tensor, real: Tensor) -> float:
    """FID (Heusel et al. 2017) of two sets of images (n, 3, h, w) in [-1, 1]."""
    with telling(*MISSING):
        from torchmetrics.image.fid import FrechetInceptionDistance

        metric = FrechetInceptionDistance(normalize=True)  # of images in [0, 1]
        metric.update((fake.clamp(-1, 1) + 1) / 2, real=False)
        metric.update((real.clamp(-1, 1) + 1) / 2, real=True)
        return metric.compute().item()
