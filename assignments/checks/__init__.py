"""Checks that teach: ``load("ps1")`` gives those of a problem set, ``check("gan_step")`` runs the
visible ones here.

The same checks serve the student (those with ``visible``), the grader (all of them) and the
library's own tests.
"""

import importlib
import sys

from checks.contract import Check, Verdict

__all__ = ["FUNCTIONS", "MISSING", "Check", "Verdict", "check", "load"]

# The graded names of each problem set, in the order of the notebook. All names differ.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "ps1": (
        "discriminator_loss",
        "generator_loss_saturating",
        "generator_loss",
        "generator_slopes",
        "discriminator_loss_hinge",
        "generator_loss_hinge",
        "optimal_discriminator",
        "gan_step",
    ),
    "ps2": (
        "SkipBlock",
        "receptive_field",
        "build_patch_gan",
        "judge_pair",
        "pix2pix_generator_loss",
        "pix2pix_step",
    ),
    "ps3": (
        "ResidualBlock",
        "ImagePool",
        "cycle_loss",
        "identity_loss",
        "fooling_loss",
        "cyclegan_step",
    ),
    "ps4": (
        "reparameterise",
        "kl_loss",
        "latent_loss",
        "bicyclegan_step",
        "interpolate_codes",
        "diversity_score",
    ),
    "ps5": ("paired_differences", "interval", "decide"),
}

_LOSSES = (
    "log_real",
    "log_fake",
    "log_generator",
    "least_squares_real",
    "least_squares_fake",
    "least_squares_generator",
    "GAN_LOSSES",
)
# What the graded functions could be copied from: these names do not exist in the library that a
# submission sees.
MISSING: dict[str, dict[str, tuple[str, ...]]] = {
    "ps1": {"course_lib.losses": _LOSSES, "course_lib.methods.dcgan": ("DCGAN",)},
    "ps2": {
        "course_lib.losses": (*_LOSSES, "l1"),
        "course_lib.networks": ("PatchGAN", "receptive_field"),
        "course_lib.networks.blocks": ("receptive_field",),
        "course_lib.networks.discriminators": ("PatchGAN",),
        "course_lib.methods.pix2pix": ("Pix2Pix",),
        "course_lib.methods.dcgan": ("DCGAN",),
    },
    "ps3": {
        "course_lib.losses": (*_LOSSES, "l1"),
        "course_lib.methods.image_pool": ("ImagePool",),
        "course_lib.networks": ("ResNetGenerator",),
        "course_lib.networks.resnet": ("ResidualBlock", "ResNetGenerator"),
        "course_lib.methods.cyclegan": ("CycleGAN", "ImagePool", "ResNetGenerator"),
        "course_lib.methods.pix2pix": ("ResNetGenerator",),
    },
    "ps4": {
        "course_lib.losses": (*_LOSSES, "l1"),
        "course_lib.methods.bicyclegan": ("BicycleGAN", "kl"),
        "course_lib.metrics.diversity": ("diversity", "variety"),
    },
    "ps5": {
        "course_lib.metrics.intervals": ("T", "interval"),
        "course_lib.experiments.claims": ("interval", "judge", "verdict"),
    },
}


def load(ps: str) -> list[Check]:
    """All checks of a problem set.

    Needs the expectations (``checks/psN.py``), which a student does not have.
    """
    return list(importlib.import_module(f"checks.{ps}").CHECKS)


def check(function: str, names: dict | None = None) -> None:
    """Run the visible checks of ``function`` on the caller's version of it and print what they
    find.

    Raises AssertionError if points are missing. ``names`` is the namespace to look in: by default,
    the caller's.
    """
    from checks.student import report

    report(function, sys._getframe(1).f_globals if names is None else names)
