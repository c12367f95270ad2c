"""Trained generators as ONNX files, which run without PyTorch: in a browser (``demo/page.py``)."""

import copy
import tempfile
import warnings
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.data import DATA_SETS, opened_for, spread
from course_lib.data.files import MARK, check_outputs, expanded, replace_file
from course_lib.errors import ensure, need
from course_lib.methods.base import Method
from course_lib.runs import traits
from course_lib.runs.folder import in_direction, open_translator
from course_lib.runs.sizes import size_step

LIMIT = 1e-3  # largest difference to PyTorch that passes, of images in [-1, 1]
INPUTS = 100  # held-out inputs that are compared
METHODS = ("pix2pix", "cyclegan", "bicyclegan", "cut")  # that can be exported
OPSET = 18
HALVED = 50_000  # tensors with fewer numbers stay float32: many, next to the image, cheap to keep


def to_onnx(
    method: Method, path: Path, direction: str = "xy", half: bool = False, about: dict | None = None
) -> dict:
    """Write the generator behind ``method.translate`` as ``path``; returns its metadata, texts.

    Inputs: ``x`` (batch, 3, H, W) in [-1, 1], and of BicycleGAN ``z`` (batch, z_dim); output ``y``,
    like x. H and W are multiples of the metadata's ``multiple`` or, where that is 0, of the
    training's size.
    Averaged weights if there are any. ``direction="yx"`` takes CycleGAN's other way. ``half``
    stores large weights as float16, which are float32 again before they are used. ``about`` goes
    into the metadata, too. Raises CourseError for another method, for dropout or batch statistics
    at test time, and if the packages of the extra web are missing.
    """
    onnx, _ = need("web", "onnx", "onnxruntime")
    net = _generator(method, direction)
    step = size_step(method, lambda x: _painted(method, x, _codes(method, len(x)), direction))
    codes = _codes(method, 2)
    model = _traced(net, method.config.image_size, step, codes)
    if half:
        _halve(model)
    facts = {
        "method": type(method).__name__,
        "size": str(method.config.image_size),
        "multiple": str(step),
        "z_dim": str(0 if codes is None else codes.shape[1]),
        "direction": direction,
        **(about or {}),
    }
    onnx.helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    replace_file(path, model.SerializeToString())
    return facts


def check(method: Method, path: Path, x: Float[Tensor, "n 3 h w"], direction: str = "xy") -> float:
    """Largest absolute difference between the file's outputs and ``method.translate``'s.

    Where there are codes, one is drawn for each x.
    """
    runtime = need("web", "onnxruntime")[0]
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    z, worst = _codes(method, len(x)), 0.0
    for i in range(0, len(x), 16):
        feeds = {"x": x[i : i + 16]} | ({} if z is None else {"z": z[i : i + 16]})
        wanted = _painted(method, feeds["x"], feeds.get("z"), direction)
        (painted,) = session.run(["y"], {name: part.numpy() for name, part in feeds.items()})
        worst = max(worst, (torch.from_numpy(painted) - wanted).abs().max().item())
    return worst


def _painted(method: Method, x: Tensor, z: Tensor | None, direction: str) -> Tensor:
    """What a file must compute from x and z: ``translate``'s output."""
    z = None if z is None else z.to(method.device)
    return method.translate(x, z, direction)["fake_y"].cpu()


def export_run(folder: Path, path: Path, direction: str | None = None, half: bool = False) -> dict:
    """Export the run in ``folder`` to ``path``, once its outputs on held-out inputs are PyTorch's.

    With ``half``, large weights are float16. Where other sizes fit, a wider and a higher one are
    compared, too. Returns the metadata, ``difference``, ``compared`` (inputs), ``bytes``,
    ``dataset`` (the test split as the method sees it), ``grey`` (whether its x is seen in grey) and
    ``share`` (of a picture that it shows: ``Traits``).
    Raises CourseError, and leaves ``path`` alone, if the difference is above 1e-3, the run cannot
    be exported, or a file is there that is no export.
    """
    path = expanded(path)
    check_outputs([path])
    method, settings = open_translator(folder, "cpu")
    ensure(path.suffix == ".onnx", "an ONNX file has another name", path, "write NAME.onnx")
    direction = direction or settings["direction"]
    in_direction(method, settings, direction, folder)  # refuses what was not learned
    learned = "xy" if direction == settings["direction"] else "yx"  # as the method calls it
    where = settings["data"]
    # The page is for strangers, so of a folder it says the name and not the path.
    name = where if where in DATA_SETS else Path(where).name
    data = opened_for(method, where, "test", direction)
    x = torch.stack([item["x"] for item in spread(data, INPUTS)])
    about = {
        "direction": direction,
        "data": name,
        "card": data.card.replace(where, name),
        "weights": "float16" if half else "float32",
    }
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "model.onnx"
        facts = to_onnx(method, made, learned, half, about)
        side = method.config.image_size + int(facts["multiple"])
        # wider and higher: an image beside and above its mirror image
        larger = [torch.cat([x[:8], x[:8].flip(at)], at).narrow(at, 0, side) for at in (3, 2)]
        difference = max(check(method, made, given, direction=learned) for given in [x, *larger])
        ensure(
            difference < LIMIT,
            f"outputs differ from PyTorch's by {difference:.2g}, over {LIMIT:g}",
            folder,
            "leave out --half" if half else "translate with PyTorch: course translate",
        )
        written = made.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, written)
    look = traits.of_run(settings, direction)
    return facts | {
        "difference": difference,
        "compared": len(x),
        "bytes": len(written),
        "dataset": data,
        "grey": look.colouring,
        "share": look.share,
    }


def _generator(method: Method, direction: str) -> nn.Module:
    """The network that ``translate`` calls.

    Raises CourseError if that is not one function of its inputs.
    """
    ensure(
        method.is_one_network,
        f"{type(method).__name__} cannot be exported",
        "to_onnx",
        f"export {', '.join(METHODS)}",
    )
    ensure(
        not (method.has_chance or method.mixes_batch),
        "the outputs depend on chance or on the batch, which a file cannot do",
        "the run's configuration",
        "train with --set test_dropout=False --set test_batch_statistics=False",
    )
    return method.averaged.get("G") or method.averaged[f"G_{direction}"]


def _traced(net: nn.Module, size: int, step: int, codes: Tensor | None):
    """The ONNX model of ``net`` for any batch, and any sides that are multiples of ``step``."""
    net = copy.deepcopy(net).cpu().to(memory_format=torch.contiguous_format).eval()
    in_one(net)
    batch = torch.export.Dim("batch")
    inputs = {"x": torch.zeros(2, 3, size + 2 * step, size + step)}
    shapes = [{0: batch}]
    if step:
        rows, columns = torch.export.Dim("rows"), torch.export.Dim("columns")
        shapes[0] |= {2: step * rows, 3: step * columns}
    if codes is not None:
        inputs["z"] = torch.zeros_like(codes)
        shapes.append({0: batch})
    return bare(net, inputs, ["y"], tuple(shapes))


@torch.no_grad()
def bare(
    net: nn.Module, inputs: dict[str, Tensor], outputs: list[str], shapes: tuple | None = None
):
    """The ONNX model of ``net``, whose inputs and outputs have these names, without what only its
    makers read; it says that it is the course's.
    """
    _, optimizer = need("web", "onnx", "onnxscript.optimizer")
    # warnings are of use only to who changes the exporter; in training small maps go another way
    with warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(
            net,
            tuple(inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
            optimize=False,
        )
    # Not all of it: batch norm folded into weights that are exact as float16 would be inexact.
    optimizer.fold_constants(program.model)
    optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    model.producer_name = MARK
    del model.graph.value_info[:]
    for part in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")  # lines of source code, with folders of this machine
        part.ClearField("doc_string")
    return model


def _halve(model) -> None:
    """Large weights become float16, and float32 again before they are used."""
    onnx = need("web", "onnx")[0]
    for weight in model.graph.initializer:
        label, numbers = weight.name, onnx.numpy_helper.to_array(weight)
        if numbers.dtype == "float32" and numbers.size >= HALVED:
            small = onnx.numpy_helper.from_array(numbers.astype("float16"), f"{label}_half")
            weight.CopyFrom(small)
            cast = onnx.helper.make_node("Cast", [small.name], [label], to=onnx.TensorProto.FLOAT)
            model.graph.node.insert(0, cast)


def in_one(net: nn.Module) -> None:
    """Each doubling of pixels and the 3x3 convolution after it are computed by :func:`_doubled`."""
    for layers in net.modules():
        is_pair = isinstance(layers, nn.Sequential) and len(layers) == 2
        if is_pair and isinstance(layers[0], nn.Upsample) and layers[0].mode == "nearest":
            layers.forward = partial(_doubled, layers[1])


def _doubled(conv: nn.Conv2d, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h2 w2"]:
    """The same by a transposed 4x4 convolution, with 4/9 of the products.

    Equal pixels are multiplied once. The file keeps the 3x3 weights, which who opens it adds up:
    their sums have no exact float16.
    """
    weight = conv.weight.flip(2, 3).transpose(0, 1)  # (in, out, 3, 3)
    shifted = [F.pad(weight, (a, 1 - a, b, 1 - b)) for a in (0, 1) for b in (0, 1)]
    return F.conv_transpose2d(x, torch.stack(shifted).sum(0), conv.bias, 2, 1)


def _codes(method: Method, n: int) -> Tensor | None:
    """z for n inputs, (n, z_dim), or None where there is none."""
    return method.noise(n, seed=0) if method.has_codes else None
