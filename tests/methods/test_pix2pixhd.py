"""pix2pixHD: who learns in which phase, what feature matching reaches, instances, label_maps."""

import numpy as np
import pytest
import torch
from PIL import Image

from course_lib import CourseError, runs
from course_lib.data import label_maps, open_dataset
from course_lib.data.facades import Facades, colour_labels
from course_lib.houses.layout import PALETTE
from course_lib.methods.pix2pixhd import Config, Pix2PixHD
from course_lib.networks.bicycle import halve
from course_lib.networks.pix2pixhd import (
    Styles,
    boundary_map,
    kmeans,
)
from tests.methods.contract import assert_same_weights, in_float64, moved, weights
from tests.methods.test_contract import CASES
from tests.support.pictures import noise, saved

make, batch = CASES["pix2pixhd"].make, CASES["pix2pixhd"].batch
PHASES = {"global": 0.0, "enhancer": 0.52, "both": 0.9}  # shares of the training that are in them


# ---- the step


def test_step_equals_the_equations():
    """Two steps in the last phase, the equations written out, with plain Adam in float64."""
    method, ref = in_float64(make(), make())
    data = batch()
    data["y"], ids = data["y"].double(), data["instances"]
    y = data["y"]
    onehot = torch.stack([(data["labels"] == k).double() for k in range(12)], dim=1)
    s = torch.cat([onehot, boundary_map(ids).double()], dim=1)
    method.scene = lambda *_: s
    method.judge = lambda s, y: method.D(torch.cat([s, y], 1))  # in float64
    method.generate_with = lambda s, nets: nets["G2"](s, nets["G1"].feature_map(halve(s)))
    learners = [p for n in ("G1", "G2", "E") for p in ref.networks[n].parameters()]
    opt_G = torch.optim.Adam(learners, 2e-4, (0.5, 0.999))
    opt_D = torch.optim.Adam(ref.D.parameters(), 2e-4, (0.5, 0.999))
    for _ in range(2):
        terms = method.step(data)
        h, pooled = ref.E.net(y), torch.zeros(2, 3, 32, 32, dtype=torch.float64)
        for i in range(2):
            for number in ids[i].unique():
                at = (ids[i] == number).double()
                pooled[i] = pooled[i] + at * ((h[i] * at).sum((1, 2)) / at.sum())[:, None, None]
        shown = torch.cat([s, pooled], dim=1)
        fake = ref.G2(shown, ref.G1.feature_map(halve(shown)))
        D_fake, D_real = (ref.D(torch.cat([s, image], 1)) for image in (fake, y))
        gan = sum(((of[-1] - 1) ** 2).mean() for of in D_fake)
        fm = 0
        for fake_maps, real_maps in zip(D_fake, D_real, strict=True):
            for f, r in zip(fake_maps[:-1], real_maps[:-1], strict=True):
                fm = fm + (f - r.detach()).abs().mean()
        fm = 4 / 2 * fm / 2  # two hidden layers, two scales
        grads = torch.autograd.grad(
            gan + 10 * fm, learners, retain_graph=True, allow_unused=True
        )  # G1.picture is not
        d_real = sum(((of[-1] - 1) ** 2).mean() for of in D_real)
        d_fake = sum((of[-1] ** 2).mean() for of in ref.D(torch.cat([s, fake.detach()], 1)))
        opt_D.zero_grad()
        (0.5 * (d_real + d_fake)).backward()
        for p, grad in zip(learners, grads, strict=True):
            p.grad = grad
        opt_G.step(), opt_D.step()
        expected = {"g_gan": gan, "g_fm": fm, "d_real": d_real, "d_fake": d_fake}
        assert terms == pytest.approx({k: v.item() for k, v in expected.items()}, rel=1e-9)
    for name in ("G1", "G2", "E", "D"):
        assert_same_weights(method.networks[name], ref.networks[name])


@pytest.mark.parametrize(
    ("phase", "frozen_from", "who"),
    [
        ("global", 1.0, {"G1", "E", "D"}),
        ("enhancer", 1.0, {"G2", "E", "D"}),
        ("both", 1.0, {"G1", "G2", "E", "D"}),
        # by default E rests once G2 begins
        ("global", Config().features_frozen_from, {"G1", "E", "D"}),
        ("enhancer", Config().features_frozen_from, {"G2", "D"}),
    ],
)
def test_each_phase_moves_whom_it_should(phase, frozen_from, who):
    method = make(average=0.5, features_frozen_from=frozen_from)
    method.advance(PHASES[phase])
    averages = {f"{name}_average" for name in who - {"D"}}
    before = {name: weights(net) for name, net in method.networks.items()}
    method.step(batch())
    assert moved(method, before) == who | averages and method.phase == phase
    states = {name: p.requires_grad for name, p in method.G1.named_parameters()}
    assert all(states.values()) == (phase != "enhancer")


def test_each_phase_has_a_rate_of_its_own():
    """G1's falls to 0 before G2 begins; then it starts anew."""
    rates = [
        make(lr=1.0).rate(share) for share in (0.0, 0.25, 0.375, 0.4999, 0.5, 0.75, 0.875, 1.0)
    ]
    assert rates == pytest.approx([1, 1, 0.5, 0, 1, 1, 0.5, 0], abs=1e-3)


def test_no_d_changes_its_resolution():
    sizes = {}
    for phase, share in PHASES.items():
        method = make()
        method.advance(share)
        for k, D in enumerate(method.D.scales):
            D.register_forward_pre_hook(
                lambda _, given, k=k: sizes.setdefault(k, set()).add(given[0].shape[-1])
            )
        before = [weights(D) for D in method.D.scales]
        method.step(batch())
        learned = [
            not torch.equal(a[0], b[0])
            for a, b in zip(before, map(weights, method.D.scales), strict=True)
        ]
        assert learned == [phase != "global", True]  # the finest waits
    assert sizes == {0: {32}, 1: {16}}


def test_plain_pairs_need_no_maps(tmp_path, notes):
    """G and D see x itself: of a folder, without labels, and where labels are the output's."""
    method = make(n_labels=0, use_instances=False, use_features=False)
    assert method.maps == ()
    emoji, houses = open_dataset("emoji:edges", "val", 32)[0], Facades("val", 32)[0]
    small = make().config
    assert Pix2PixHD.adapt_config(small, houses) is small
    for item, direction in ((emoji, "xy"), (houses, "yx")):
        assert Pix2PixHD.adapt_config(small, item, direction) == method.config
        assert "no instances" in notes()[0]
    data = saved(tmp_path / "data", (noise(64, 32, i) for i in range(8)))
    out, config = tmp_path / "run", runs.make_config("pix2pixhd", "smoke")
    runs.train("pix2pixhd", str(data), out, config, steps=2, device="cpu", progress=False)
    assert "no instances" in notes()[0]
    assert (
        len(runs.translate_files(out, data / "0.png", tmp_path / "translated", device="cpu")) == 1
    )
    assert runs.evaluate(*runs.open_run(out, "cpu"), str(data))["n"] == 1


# ---- what G sees, and the styles


def test_the_instances_are_seen_and_only_if_wanted():
    data = batch()
    other = data["instances"].clone()
    other[:, :, :8] += 100  # other borders, the same labels
    for used in (True, False):
        method = make(use_features=False, use_instances=used)
        a, b = (
            method.translate(None, labels=data["labels"], instances=ids)["fake_y"]
            for ids in (data["instances"] * 0, other)
        )
        assert torch.equal(a, b) == (not used)


def test_kmeans_finds_the_centres_and_no_more():
    generator = torch.Generator().manual_seed(0)
    truth = torch.tensor([[0.0, 0, 0], [5, 0, 0], [0, 5, 0], [0, 0, 5]])
    points = (truth[:, None] + 0.1 * torch.randn(4, 30, 3, generator=generator)).flatten(0, 1)
    centres = kmeans(points, 4)
    assert torch.cdist(truth, centres).min(1).values.max() < 0.1 and len(centres) == 4
    assert torch.allclose(centres, kmeans(points.flip(0), 4), atol=1e-5)
    assert len(kmeans(torch.ones(9, 3), 4)) == 1 and len(kmeans(points[:2], 4)) == 2


def test_styles_are_of_large_instances_where_there_are_any():
    styles = Styles(3, 4, 2)
    labels, ids = torch.zeros(8, 8), torch.zeros(8, 8)
    labels[:, 4:], ids[:, 4:] = 1, 1
    labels[0, 0], ids[0, 0] = 1, 2  # a small one of class 1: left out
    labels[7, 0], ids[7, 0] = 2, 3  # of class 2 there are only small ones
    features = torch.stack([ids / 10, -ids / 10])
    styles.learn([(features, {"labels": labels.byte(), "instances": ids.byte()})], 1 / 64)
    assert styles.counts.tolist() == [1, 1, 1]
    assert torch.allclose(styles.centres[:, 0, 0], torch.tensor([0.0, 0.1, 0.3]))


def test_an_instance_chooses_one_centre_of_its_class():
    method, data = make(), batch()
    method.styles.centres.copy_(torch.randn(12, 3, 3))
    method.styles.counts.fill_(3)
    method.styles.counts[int(data["labels"][0, 0, 0])] = 0
    features = method.styles.choose(data["labels"], data["instances"], 5)
    for i in range(2):
        for number in data["instances"][i].unique():
            at = data["instances"][i] == number
            label, found = int(data["labels"][i][at][0]), features[i][:, at].unique(dim=1)
            assert found.shape == (3, 1)
            known = method.styles.centres[label, : method.styles.counts[label]]
            assert any(torch.equal(found[:, 0], centre) for centre in known) if len(known) else True
    alone = method.styles.choose(data["labels"][1:], data["instances"][1:], 5)
    assert torch.equal(alone[0], features[1])  # whatever else is in the batch
    assert not torch.equal(features, method.styles.choose(data["labels"], data["instances"], 6))


# ---- scenes


def test_regions_are_connected_and_of_one_label():
    labels = torch.tensor([[5, 5, 0, 5], [0, 5, 0, 5], [0, 0, 1, 5], [2, 2, 1, 1]])
    regions = label_maps.regions(labels)
    assert torch.equal(regions == 0, labels == 0) and len(regions.unique()) == 5
    assert regions[0, 0] == regions[1, 1] != regions[0, 3] == regions[2, 3]
    spiral = torch.zeros(9, 9, dtype=torch.long)
    spiral[0], spiral[:, 8], spiral[8], spiral[2:, 0], spiral[2, :7] = 3, 3, 3, 3, 3
    assert label_maps.regions(spiral).unique().tolist() == [0, 1]
    item = Facades("test", 64, "facades:touching")[3]
    windows = item["labels"] == 5
    assert len(label_maps.regions(item["labels"])[windows].unique()) < len(
        item["instances"][windows].unique()
    )


def test_label_maps_come_in_colours(tmp_path):
    item = Facades("test", 64)[2]
    colours = ((colour_labels(item["labels"]) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    (tmp_path / "labels").mkdir(), (tmp_path / "instances").mkdir()
    for name, pixels in {
        "colours": colours,
        "pair": np.concatenate([colours, colours[::-1]], 1),
        "photo": np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8),
        "labels/a": colours,
    }.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    for name in ("colours", "pair"):
        found = label_maps.find_scenes(
            tmp_path / f"{name}.png", lambda given, path: given, pairs=True
        )
        ((_, given, labels, _),) = found
        assert given == (64, 64) and torch.equal(labels, item["labels"].long())
    with pytest.raises(CourseError, match="no label map"):
        list(label_maps.find_scenes(tmp_path / "photo.png", lambda given, path: given))
    with pytest.raises(CourseError, match="differ in: a"):
        label_maps.find_scenes(tmp_path, lambda given, path: given)


def stored(values, mode, colours=()):
    """A map as a program for labelling writes it: values in ``mode``, or in a palette."""
    if mode == "P":
        image = Image.fromarray(values.astype(np.uint8))
        image.putpalette([*np.asarray(colours, dtype=np.uint8).flat])
        return image
    return Image.fromarray(values.astype({"L": np.uint8, "I;16": np.uint16, "I": np.int32}[mode]))


VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128)]
OTHER = [(2 * i, 255 - i, i) for i in range(12)]


@pytest.mark.parametrize(
    ("mode", "colours", "suffix"),
    [
        ("L", (), "png"),
        ("I;16", (), "png"),
        ("I", (), "tif"),
        ("P", PALETTE, "png"),
        ("P", OTHER, "png"),
        ("P", OTHER, "gif"),
        ("P", VOC + OTHER[:6], "png"),
        ("P", [(i, i, i) for i in range(12)], "png"),
        ("P", [(0, 0, 0)] * 12, "png"),
    ],
)
def test_classes_are_read_as_they_are_stored(tmp_path, mode, colours, suffix):
    labels = np.arange(144).reshape(12, 12) % 12
    path = tmp_path / f"a.{suffix}"
    stored(labels, mode, colours).save(path)
    ((_, _, found, _),) = label_maps.find_scenes(path, lambda given, path: given)
    assert found.tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("mode", "ids", "suffix"),
    [
        ("L", [0, 1, 2, 3], "png"),
        ("I;16", [0, 1, 2, 3], "png"),
        ("I;16", [0, 26001, 26002, 26003], "png"),
        ("I;16", [0, 255, 256, 65535], "tif"),
        ("I", [0, 1, 2**24 - 2, 2**24 - 1], "tif"),
        ("P", [0, 1, 2, 3], "png"),
    ],
)
def test_instances_are_kept_apart(tmp_path, mode, ids, suffix):
    wanted = np.array(ids).reshape(2, 2).repeat(8, 0).repeat(8, 1)
    (tmp_path / "labels").mkdir(), (tmp_path / "instances").mkdir()
    stored(np.zeros((16, 16)), "L").save(tmp_path / "labels" / f"a.{suffix}")
    stored(wanted, mode, [(0, 0, 0)] * 4).save(tmp_path / "instances" / f"a.{suffix}")
    ((*_, found),) = label_maps.find_scenes(tmp_path, lambda given, path: given)
    # they go through the network's floats, and 0 is the background
    found = found.float()
    assert len(found.unique()) == 4 and (found == 0).numpy().tolist() == (wanted == 0).tolist()
    assert all(found[wanted == number].unique().numel() == 1 for number in ids)
