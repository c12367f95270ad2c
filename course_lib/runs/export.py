"""Trained generators as ONNX files, which run without PyTorch: in a browser for one (``demo.py``)."""

import copy
import tempfile
import warnings
from operator import itemgetter
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.data import names, open_dataset
from course_lib.data.files import replace_file
from course_lib.data.label_maps import SHADES, shaded
from course_lib.errors import CourseError, need
from course_lib.houses.layout import CLASSES, PALETTE
from course_lib.methods.base import Method
from course_lib.methods.baselines.cyclegan_rows import NoisyCycleGAN
from course_lib.methods.bicyclegan import BicycleGAN
from course_lib.methods.cut import CUT
from course_lib.methods.cyclegan import CycleGAN
from course_lib.methods.pix2pix import Pix2Pix
from course_lib.methods.pix2pixhd import Pix2PixHD
from course_lib.runs.opening import open_translator, towards
from course_lib.runs.sizes import multiple

LIMIT, INPUTS = (
    1e-3,
    100,
)  # largest difference to PyTorch that passes, of images in [-1, 1]; inputs that are compared
METHODS = (
    "pix2pix",
    "cyclegan",
    "bicyclegan",
    "cut",
    "pix2pixhd",
)  # whose generators can be exported
OPSET, HALVED = (
    18,
    100_000,
)  # tensors with fewer numbers stay float32: many, next to the image, and cheap to keep


def to_onnx(
    method: Method, path: Path, direction: str = "xy", half: bool = False, about: dict | None = None
) -> dict:
    """Write the generator behind ``method.translate`` as the ONNX file ``path``; returns the file's metadata, texts.

    Inputs: ``x`` (batch, 3, H, W) in [-1, 1], and of BicycleGAN ``z`` (batch, z_dim); output ``y``, like x. Of
    pix2pixHD x is a picture in the colours of label_maps.SHADES, and z, if it has styles, that of the wall. H and W are
    multiples of the metadata's ``multiple`` or, where that is 0, of the training's size. Averaged weights if there are
    any. ``direction="yx"`` takes CycleGAN's other way. ``half`` stores large weights as float16, which are float32
    again before they are used. ``about`` goes into the metadata, too. Raises CourseError for another method, for
    dropout or batch statistics at test time, and if the packages of the extra web are missing.
    """
    onnx, optimizer, _ = need("web", "onnx", "onnxscript.optimizer", "onnxruntime")
    size, z_dim = method.config.image_size, 0 if (z := _codes(method, 1)) is None else z.shape[1]
    net = (
        copy.deepcopy(_generator(method, direction))
        .cpu()
        .to(memory_format=torch.contiguous_format)
        .eval()
    )
    _in_one(net)
    step, batch = (
        multiple(method, lambda x: method.translate(x)["fake_y"]),
        torch.export.Dim("batch"),
    )
    inputs = {"x": torch.zeros(2, 3, size + 2 * step, size + step)} | (
        {"z": torch.zeros(2, z_dim)} if z_dim else {}
    )
    free = (
        {2: step * torch.export.Dim("rows"), 3: step * torch.export.Dim("columns")} if step else {}
    )
    with (
        warnings.catch_warnings(),
        torch.no_grad(),
    ):  # in training small maps are computed otherwise
        warnings.simplefilter(
            "ignore"
        )  # on names of axes, and on what is only of use to who changes the exporter
        program = torch.onnx.export(
            net, tuple(inputs.values()), dynamo=True, opset_version=OPSET, input_names=list(inputs), output_names=["y"],
            dynamic_shapes=({0: batch} | free, {0: batch})[: len(inputs)], external_data=False, verbose=False,
            optimize=False,
        )  # fmt: skip
    # Not all of it: batch norm folded into weights that are exact as float16 would leave them inexact.
    optimizer.fold_constants(program.model)
    optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    del model.graph.value_info[:]
    for part in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")  # lines of source code, with folders of this machine
        part.ClearField("doc_string")
    for weight in model.graph.initializer if half else ():
        label, numbers = weight.name, onnx.numpy_helper.to_array(weight)
        if numbers.dtype == "float32" and numbers.size >= HALVED:
            weight.CopyFrom(
                onnx.numpy_helper.from_array(numbers.astype("float16"), f"{label}_half")
            )
            model.graph.node.insert(
                0, onnx.helper.make_node("Cast", [f"{label}_half"], [label], to=1)
            )  # 1: float32
    facts = {
        "method": type(method).__name__,
        "size": size,
        "multiple": step,
        "z_dim": z_dim,
        "direction": direction,
    }
    facts = {key: str(value) for key, value in (facts | (about or {})).items()}
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    replace_file(path, model.SerializeToString())
    return facts


def check(
    method: Method,
    path: Path,
    x: Float[Tensor, "n 3 h w"],
    z: Tensor | None = None,
    direction: str = "xy",
) -> float:
    """Largest absolute difference between the ONNX file's outputs and ``method.translate``'s, of images in [-1, 1].

    ``z`` is (n, z_dim); where there are codes, None draws one for each x.
    """
    session = need("web", "onnxruntime")[0].InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    z = _codes(method, len(x)) if z is None else z
    options = {"direction": direction} if len(method.directions) > 1 else {}
    worst = 0.0
    for rows in torch.arange(len(x)).split(16):
        feeds = {"x": x[rows]} | ({} if z is None else {"z": z[rows]})
        given = [part.to(method.device) for part in feeds.values()]
        if _sees_labels(method):
            given = _as_scenes(method, *given)
        wanted = method.translate(*given, **options)["fake_y"].cpu()
        (found,) = session.run(["y"], {name: part.cpu().numpy() for name, part in feeds.items()})
        worst = max(worst, (torch.from_numpy(found) - wanted).abs().max().item())
    return worst


def export_run(folder: Path, path: Path, direction: str | None = None, half: bool = False) -> dict:
    """Export the trained run in ``folder`` to ``path``, once its outputs on held-out inputs agree with PyTorch.

    With ``half``, weights are float16 if that passes, else float32 with a warning. Where other sizes fit, a wider and a
    higher one are compared, too. Returns the metadata, ``difference``, ``compared`` (inputs), ``bytes`` and ``dataset``
    (the test split as the method sees it). Raises CourseError, and leaves ``path`` alone, if the difference is above
    1e-3 or the run cannot be exported.
    """
    method, settings = open_translator(folder, "cpu")
    direction = direction or settings["direction"]
    towards(method, settings, direction, folder)  # refuses what was not learned
    learned = (
        "xy" if direction == settings["direction"] else "yx"
    )  # the direction as the method calls it
    where = settings["data"]
    name = (
        where if where in names() else Path(where).name
    )  # a page must not tell folders of this machine
    data = open_dataset(where, "test", method.config.image_size, direction, load=method.config.load)
    pick = (
        (lambda of: shaded(of["labels"], of["instances"]))
        if _sees_labels(method)
        else itemgetter("x")
    )
    count = min(INPUTS, len(data))
    x = torch.stack([pick(data[i * len(data) // count]) for i in range(count)])
    about = {"direction": direction, "data": name, "card": data.card.replace(where, name)}
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "model.onnx"
        for stored in ("float16", "float32") if half else ("float32",):
            facts = to_onnx(method, made, learned, stored == "float16", about | {"weights": stored})
            other, side = (
                x[:8],
                method.config.image_size + int(facts["multiple"]),
            )  # beside and above its mirror image
            wide, high = (
                torch.cat([other, other.flip(axis)], axis).narrow(axis, 0, side) for axis in (3, 2)
            )
            difference = max(
                check(method, made, shape, direction=learned) for shape in (x, wide, high)
            )
            if difference < LIMIT:
                break
            if stored == "float16":
                warnings.warn(
                    f"weights stay float32: as float16, outputs differ by {difference:.2g}",
                    stacklevel=2,
                )
        else:
            what = f"outputs differ from PyTorch's by {difference:.2g}, over {LIMIT:g}"
            raise CourseError(what, folder, "translate with PyTorch: course translate")
        written = made.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, written)
    return facts | {
        "difference": difference,
        "compared": count,
        "bytes": len(written),
        "dataset": data,
        "x": pick,
    }


def _generator(method: Method, direction: str) -> nn.Module:
    """The network that ``translate`` calls. Raises CourseError if that is not one function of its inputs."""
    if isinstance(method, (BicycleGAN, CUT)):
        return method.averaged["G"]
    if isinstance(method, CycleGAN) and not isinstance(method, NoisyCycleGAN):
        return method.averaged[f"G_{direction}"]
    if isinstance(method, Pix2PixHD):
        return _Scenes(method)
    if not isinstance(method, Pix2Pix):
        what = f"{type(method).__name__} cannot be exported"
        raise CourseError(what, "to_onnx", f"export {', '.join(METHODS)}")
    net, cfg = method.averaged["G"], method.config
    layers = {type(layer) for layer in net.modules()}
    found = {
        "test_dropout": cfg.test_dropout and nn.Dropout in layers,
        "test_batch_statistics": cfg.test_batch_statistics and nn.BatchNorm2d in layers,
    }
    if on := [name for name, acts in found.items() if acts]:
        what = f"{' and '.join(on)} on: the outputs depend on chance or the rest of the batch, which a file cannot do"
        raise CourseError(
            what,
            "the run's configuration",
            f"train with {' '.join(f'--set {n}=False' for n in on)}",
        )
    return net


def _in_one(net: nn.Module) -> None:
    """Each doubling of the nearest neighbour and the 3x3 convolution after it become one :class:`_Doubling`."""
    for parent in list(net.modules()):
        for name, layers in parent.named_children():
            if (
                isinstance(layers, nn.Sequential)
                and len(layers) == 2
                and isinstance(layers[0], nn.Upsample)
            ):
                setattr(parent, name, _Doubling(layers[1]))


class _Doubling(nn.Module):
    """The same as a transposed 4x4 convolution, with 4/9 of the products: equal pixels are multiplied once.

    The file keeps the 3x3 weights, which who opens it adds up: their sums have no exact float16.
    """

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.bias = conv.bias
        self.weight = nn.Parameter(
            conv.weight.data.flip(2, 3).transpose(0, 1).contiguous()
        )  # (in, out, 3, 3)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h2 w2"]:
        sums = sum(
            F.pad(self.weight, (a, 1 - a, b, 1 - b)) for a in (0, 1) for b in (0, 1)
        )  # (in, out, 4, 4)
        return F.conv_transpose2d(x, sums, self.bias, 2, 1)


# ---- pix2pixHD sees labels, borders and styles; its file gets a picture and a code


def _sees_labels(method: Method) -> bool:
    return isinstance(method, Pix2PixHD) and method.config.n_labels > 0


def _codes(method: Method, n: int) -> Tensor | None:
    """z for n inputs, (n, z_dim), or None where there is none."""
    if isinstance(method, Pix2PixHD) and method.config.use_features:
        return torch.randn(n, method.styles.n_features, generator=torch.Generator().manual_seed(0))
    return method.noise(n, seed=0) if method.has_codes else None


def _as_scenes(method: Pix2PixHD, x: Tensor, z: Tensor | None = None) -> list[Tensor]:
    """Pictures in the colours of SHADES, and styles of the wall, as ``method.translate`` takes them."""
    shades = torch.tensor(SHADES).to(x) / 127.5 - 1
    at = (
        (x[:, None] - shades[:, :, None, None]).square().sum(2).argmin(1)
    )  # (B, 3, H, W) -> (B, H, W)
    labels, image = at % len(PALETTE), torch.arange(len(x))[:, None, None]
    features = [] if z is None else [_Scenes(method).styles(z)[image, labels].movedim(-1, 1)]
    return [x, labels, at, *features]


class _Scenes(nn.Module):
    """pix2pixHD, and the way from a picture in the colours of SHADES and a style of the wall to what its G sees."""

    def __init__(self, method: Pix2PixHD):
        super().__init__()
        self.nets = nn.ModuleDict(
            {name: method.averaged[name] for name in ("G1", "G2") if name in method.averaged}
        )
        self.paint, self.scene, self.n_labels = method.paint, method.scene, method.config.n_labels
        shades = torch.tensor(SHADES) / 127.5 - 1  # the nearest of them has the largest 2 x c - c c
        self.kernel, self.bias = (
            nn.Buffer(2 * shades[:, :, None, None]),
            nn.Buffer(-shades.square().sum(1)),
        )
        centres, counts = method.styles.centres, method.styles.counts.tolist()
        self.usual, self.spread = (
            nn.Buffer(torch.zeros_like(centres[:, 0])),
            nn.Buffer(torch.zeros_like(centres[:, 0])),
        )
        for label, own in enumerate(of[:n] for of, n in zip(centres, counts, strict=True)):
            if len(own):
                self.usual[label] = own[(own - own.mean(0)).square().sum(1).argmin()]
            if label == CLASSES.index("facade") and len(own) > 1:
                self.usual[label], self.spread[label] = own.mean(0), own.std(0)

    def styles(self, z: Float[Tensor, "b f"]) -> Float[Tensor, "b n_labels f"]:
        """Of each class the centre in the middle; the wall's moves by z standard deviations of its centres."""
        return (self.usual + z[:, None] * self.spread).clamp(-1, 1)

    def forward(
        self, x: Float[Tensor, "b 3 h w"], z: Float[Tensor, "b f"] | None = None
    ) -> Float[Tensor, "b 3 h w"]:
        if self.n_labels:
            at = F.conv2d(x, self.kernel, self.bias).argmax(1)  # (B, 3, H, W) -> (B, H, W)
            x = self.scene(at % len(PALETTE), at)
            if z is not None:
                x = torch.cat(
                    [x, torch.einsum("bkhw,bkf->bfhw", x[:, : self.n_labels], self.styles(z))],
                    dim=1,
                )
        y = self.paint(x, dict(self.nets.items()))
        return (
            y if y.shape[-1] == x.shape[-1] else F.interpolate(y, scale_factor=2.0, mode="bilinear")
        )  # G1 alone
