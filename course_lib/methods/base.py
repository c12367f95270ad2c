"""The protocol: what every method has, and what it may have, with defaults.

fit(), evaluation, sweeps, widgets and export rely on what stands here and ask for nothing else. No
equation, no term and no order of updates is here: those stand whole in each method's own file, in
the order of its paper.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from course_lib.errors import CourseError, check_choice, ensure, telling
from course_lib.methods import configs
from course_lib.networks import hardware
from course_lib.networks.blocks import averaged_copy, update_average


def setting(default: Any, meaning: str = "", *, group: str, zero: bool | None = None) -> Any:
    """A field of a configuration, with what ``course train METHOD --help`` says of it.

    ``zero``: whether a number may be 0. By default real numbers may and whole ones may not; none
    may be negative. A field that a class inherits and gives another default keeps the rest.
    """
    told = {"meaning": meaning, "group": group, "zero": zero}
    kept = {name: value for name, value in told.items() if value not in ("", None)}
    return field(default=default, metadata=kept)


network = partial(setting, group="networks")
objective = partial(setting, group="objective")
training = partial(setting, group="training")


@dataclass(frozen=True)
class TrainingConfig:
    """How a method is trained: the settings that all configurations share.

    The defaults are those of most papers.
    """

    image_size: int = training(256, "in pixels: images are (3, image_size, image_size) in [-1, 1]")
    jitter: Literal["resize", "affine", "none", "auto"] = training(
        "resize",
        "crops of a slightly larger image, or small turns and shifts; auto: what suits the data",
    )
    flip: Literal["on", "off", "auto"] = training(
        "on",
        "mirror at random; auto: unless the data set says that its images have a left and a right",
    )
    load: Literal["square", "crop"] = training(
        "square", "squeeze files into a square, or cut squares out"
    )
    batch_size: int = training(1, "images, or pairs, of one step")
    lr: float = training(2e-4, "learning rate of Adam", zero=False)
    beta1: float = training(0.5, "decay of Adam's mean of the gradients")
    beta2: float = training(0.999, "decay of Adam's mean of their squares")
    decay_from: float = training(
        1.0, "share of the training after which lr falls linearly to 0; 1: never"
    )
    keep: Literal["last", "best"] = training(
        "last",
        "best: the best preview stays, too, in OUT/best: by L1 on val or, without pairs, by KID",
    )
    average: float = training(
        0.0, "decay of the running average of the weights for translate(); 0: none"
    )


def require(holds: object, what: str, fix: str) -> None:
    """Raises CourseError for a configuration unless what it needs holds."""
    ensure(holds, what, "Config", fix)


def check_patches(image_size: int, d_layers: int) -> None:
    """Raises CourseError if a PatchGAN of so many layers does not fit images of this size."""
    least = 3 * 2**d_layers
    require(
        not d_layers or image_size >= least,
        f"a PatchGAN of {d_layers} layers needs images of at least {least} px, got {image_size}",
        "choose a larger image_size or smaller d_layers",
    )


def lr_factor(progress: float, decay_from: float) -> float:
    """1 until ``decay_from``, then linearly to 0 at 1; both are shares in [0, 1]."""
    return 1.0 if progress <= decay_from else max(0.0, (1 - progress) / (1 - decay_from))


class Terms(dict):
    """Terms of a loss, by name, unweighted. One of weight 0 is not computed and counts as 0."""

    def __missing__(self, name: str) -> float:
        return 0.0


WAYS = (("x", "y"), ("y", "x"))  # of methods that treat both domains alike: from here to there


def in_both(**weights: float) -> dict[str, float]:
    """``g_NAME_DOMAIN`` -> weight: the same for the terms of x and for those of y."""
    names = ((name, domain) for domain in "xy" for name in weights)
    return {f"g_{name}_{domain}": weights[name] for name, domain in names}


def in_float32(outputs: Any) -> Any:
    """A tensor as float32; of a list or a tuple, all of its tensors."""
    if isinstance(outputs, Tensor):
        return outputs.float()
    return type(outputs)(map(in_float32, outputs))


# What run_batched() is given and gives back: images, or None
Input = TypeVar("Input", bound=Tensor | None)


class Method:
    """Networks, optimisers and one training step.

    A subclass makes them in ``build(cfg)`` and has ``step(batch)``, which returns its terms
    detached, where they are: to read one is to wait for a GPU, so fit() reads many at once.
    ``networks`` is what a checkpoint keeps, by name, and ``optimizers`` what fit() schedules: all
    that are attributes, by their names. ``averaged`` is what translate() uses: by name the running
    average of a network or, where ``average`` is 0, the network itself.

    ``device`` is where the networks live. ``bf16`` runs them in bfloat16; losses stay float32.
    Raises CourseError for a setting of ``config`` that is out of range.
    """

    Config: ClassVar[type] = TrainingConfig
    PRESETS: ClassVar[dict[str, dict]] = {"paper": {}}  # changes of the defaults: smoke, cpu, gpu
    needs_pairs: ClassVar[bool] = False
    single: ClassVar[bool] = False  # it learns from the images y alone
    translates: ClassVar[bool] = True  # False: it makes images from noise alone, for preview()
    directions: ClassVar[tuple[str, ...]] = ("xy",)  # of translate(); both ways: ("xy", "yx")
    maps: tuple[str, ...] = ()  # what translate() needs beside x: labels, instances
    has_codes: ClassVar[bool] = False  # translate(x, z) takes codes, which noise(n, seed) draws
    code_shape: tuple[int, ...] = ()  # of one code
    reads_codes: bool = False  # encode(y) gives the code z that paints in the style of y
    has_chance: bool = False  # without codes, two translations of an image differ: by dropout
    mixes_batch: bool = False  # a translation depends on the other images of its batch
    through_lite0: bool = False  # a loss looks through lite0, which is no judge of the result then
    is_one_network: ClassVar[bool] = False  # translate() is G, or G_xy, of x and z alone
    # Of D: a value near 0 or 1, or the logit of a probability
    d_output: Literal["value", "logit"] = "value"

    def __init__(self, config: Any = None, device: torch.device | str = "cpu", bf16: bool = False):
        self.config = config or self.Config()
        configs.check(type(self.config), vars(self.config))
        self.device = torch.device(device)
        hardware.prepare(self.device)
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=bf16)
        self.networks: dict[str, nn.Module] = {}
        self.averaged: dict[str, nn.Module] = {}
        with telling(
            ValueError, "a setting is out of range", type(self).__name__, "see its --help"
        ):
            self.build(self.config)
        self.optimizers: dict[str, Optimizer] = {
            name: part for name, part in vars(self).items() if isinstance(part, Optimizer)
        }

    # ---- what subclasses build with

    def adam(self, *nets: nn.Module, weight_decay: float = 0.0) -> Adam:
        """Adam with the configuration's rate and betas, over the parameters of all ``nets``."""
        return Adam(
            [parameter for net in nets for parameter in net.parameters()],
            self.config.lr,
            (self.config.beta1, self.config.beta2),
            weight_decay=weight_decay,
            # torch has optimisers for these that update all weights in one pass
            fused=self.device.type in ("cpu", "cuda"),
        )

    def to_device(self, norm: str = "batch") -> None:
        """Send ``networks``, which have this norm, to the device, as they are fastest there."""
        layout = hardware.layout(self.device, norm, self.config.batch_size)
        for net in self.networks.values():
            net.to(self.device).to(memory_format=layout)

    def keep_averages(self, *names: str) -> None:
        """Fill ``averaged`` for these networks.

        With an ``average``, checkpoints keep them as NAME_average.
        """
        self.averaged = {name: self.networks[name] for name in names}
        if self.config.average:
            self.averaged = {name: averaged_copy(net) for name, net in self.averaged.items()}
            self.networks |= {f"{name}_average": net for name, net in self.averaged.items()}

    def update_averages(self, but: str = "") -> None:
        """Move the running averages a step towards the networks, but for the one called ``but``."""
        if self.config.average:
            for name, average in self.averaged.items():
                if name != but:
                    update_average(average, self.networks[name], self.config.average)

    def run(self, net: Callable[..., Any], *inputs: Any) -> Any:
        """``net(*inputs)``, a tensor or several, in bfloat16 if that is on, as float32."""
        with self.autocast:
            return in_float32(net(*inputs))

    def run_batched(self, net: Callable[[Tensor], Tensor], *inputs: Input) -> tuple[Input, ...]:
        """``net`` of each input: one pass over all of them as one batch, which is faster.

        The numbers are the same as one by one for a network that mixes no images, so not for one
        with batch norm. An input that is None is left out, and its output is None.
        """
        given = [images for images in inputs if images is not None]
        if not given:
            return inputs
        outputs = iter(self.run(net, torch.cat(given)).split([len(images) for images in given]))
        return tuple(images if images is None else next(outputs) for images in inputs)

    def photo_features(self) -> nn.Module:
        """The frozen network that has seen photographs, for terms that look through it.

        (B, 3, H, W) -> maps at H/2 to H/16, in float32: bfloat16 is no faster here. It is loaded by
        those alone who ask.
        """
        from course_lib.networks.efficientnet import load_photo_features

        return load_photo_features(self.device)

    def take(self, images: Tensor | None, z: Any, direction: str) -> Tensor:
        """The images that translate() or encode() is given, from any device, on the method's.

        Raises CourseError for a direction that translate() has not, for codes in vain, and where
        there are no images.
        """
        check_choice("direction", direction, self.directions)
        ensure(
            z is None or self.has_codes,
            f"{type(self).__name__} has no codes: z would change nothing",
            "translate()",
            "leave z out",
        )
        if images is None:
            raise CourseError(
                f"{type(self).__name__} was not given all that it paints from",
                "translate()",
                f"give {' and '.join(self.maps) or 'x'}",
            )
        return images.to(self.device)

    # ---- what others call: first what a method has to define

    def build(self, cfg: Any) -> None:
        """Make ``networks``, send them to the device, choose what is averaged, add optimisers."""

    def step(self, batch: dict) -> dict[str, Tensor]:
        """One update of all networks; the unweighted terms, detached."""
        raise NotImplementedError

    def translate(
        self, x: Tensor, z: Tensor | None = None, direction: str = "xy"
    ) -> dict[str, Tensor]:
        """``{"fake_y": ...}``, (B, 3, H, W), if it ``translates``; changes no state.

        x may lie on any device, and what comes out lies on the method's. Its ``maps`` come by name.
        ``z`` are codes, ``direction`` one of its ``directions``.
        """
        raise NotImplementedError

    def encode(self, y: Tensor, direction: str = "xy") -> Tensor:
        """The codes of images of the domain it leads to, if it ``reads_codes``."""
        raise NotImplementedError

    def generate(self, z: Tensor | int) -> Tensor:
        """Images from noise, or so many, if it does not translate."""
        raise NotImplementedError

    def preview(self) -> dict[str, Tensor]:
        """Rows of such images for fit() to show."""
        raise NotImplementedError

    @classmethod
    def adapt_config(cls, config: Any, item: dict, direction: str = "xy") -> Any:
        """``config`` as it fits data whose items are like ``item``.

        A method overrides this if it can do with less than its maps. Raises CourseError if a map
        is missing, or is not that of the input.
        """
        ensure(
            not cls.maps or (direction == "xy" and set(cls.maps) <= item.keys()),
            f"{cls.__name__} paints from {' and '.join(cls.maps)} of x, and these data have none",
            f"--direction {direction}",
            "try facades",
        )
        return config

    def noise(self, n: int, seed: int | None = None) -> Float[Tensor, "n ..."]:
        """n codes z ~ N(0, I), of a ``seed`` or of torch's global generator.

        They are the same on every device.
        """
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        return hardware.send(torch.randn(n, *self.code_shape, generator=generator), self.device)

    def translate_batch(self, batch: dict, direction: str = "xy") -> dict[str, Tensor]:
        """``translate()`` with all that it needs of a batch of the data set, on any device."""
        maps = {name: batch[name].to(self.device) for name in self.maps}
        return self.translate(batch[direction[0]].to(self.device), direction=direction, **maps)

    def sample(
        self, x: Tensor, count: int, seed: int = 0, direction: str = "xy"
    ) -> Float[Tensor, "b count 3 h w"]:
        """``count`` translations of each x, in random styles: [:, k] shows the same one for all."""
        codes = self.noise(count, seed).split(1)
        return torch.stack([self.translate(x, z, direction)["fake_y"] for z in codes], dim=1)

    def discriminators(self) -> dict[str, tuple[str, nn.Module, int]]:
        """For the patch lens, by name: (domain, D, scale) of what judges patches of an image.

        The domain is x or y; at scale k the image is halved k times before. Empty for a D that
        judges images as a whole, or sees more.
        """
        return {}

    def rate(self, share: float) -> float:
        """The learning rate when this share of the training is done."""
        return self.config.lr * lr_factor(share, self.config.decay_from)

    def advance(self, share: float) -> None:
        """Called before each step with the share of the training that is done, for phases."""

    def finish(self, dataset: Any) -> bool:
        """Called after the last step, with the data set; returns whether the method has changed."""
        return False
