"""Rebuild the shipped emoji files from their npm packages (needs npm and the network).

    python -m tools.making.emoji [FOLDER_WITH_PACKAGES]
    python -m tools.making.emoji --relatives

The second needs none of these: it finds anew, in the shipped drawings, which emoji have a relative
in another split, and are left out for it. The first does that at its end.

Writes ``emoji.json`` and, for each style, a contact sheet of 64 px into
``course_lib/data/emoji_files/``; the course itself needs none of this. The drawings are the PNG
files of the packages. The same packages give the same pixels; the bytes of a sheet may differ
between versions of libavif.
"""

import hashlib
import json
import math
import subprocess
import sys
import tarfile
from pathlib import Path

import torch
from PIL import Image

from course_lib.data.emoji import STYLES, drawings
from tools.making.photos import run

PACKAGES = {
    "noto": "emoji-datasource-google@16.0.0",
    "twemoji": "emoji-datasource-twitter@16.0.0",
    "fluent": "@lobehub/fluent-emoji-3d@1.1.0",
}
FOLDERS = {
    "noto": "img/google/64",
    "twemoji": "img/twitter/64",
    "fluent": "assets",
}
SIZE, COLUMNS = 64, 40
NEAR = 0.05  # L1 in [-1, 1], at 64 px, below which two drawings of a style are nearly one
LEFT_OUT_FOR = {  # in this order
    "test": ("train_a", "train_b"),
    "val": ("train_a", "train_b", "test"),
    "train_b": ("train_a",),  # where it is the y of unpaired training
}
QUALITY = 95  # about 45 dB; under 7 MB for the three sheets
# What a teacher would not put on a screen: left out of figures, games and presets, not of training.
WITHHELD = {
    "insult": "middle_finger face_with_symbols_on_mouth",
    "tobacco": "smoking",
    "weapon": "dagger_knife crossed_swords bomb gun hocho",
    "adults only": "underage men-with-bunny-ears-partying women-with-bunny-ears-partying",
}
GENDERED = {
    "1f468",
    "1f469",
    "1f9d1",
}  # man, woman, person: the first code point of a profession or a hairstyle
TARGET = Path(__file__).parents[2] / "course_lib" / "data" / "emoji_files"


def fetch(folder: Path) -> dict[str, Path]:
    """Unpack the packages below ``folder`` (with ``npm pack`` where they are missing); name ->
    package root."""
    roots = {}
    for style, package in PACKAGES.items():
        name = package.lstrip("@").replace("/", "-").replace("@", "-") + ".tgz"
        if not (folder / name).exists():
            subprocess.run(
                ["npm", "pack", package], cwd=folder, check=True, stdout=subprocess.DEVNULL
            )
        with tarfile.open(folder / name) as archive:
            archive.extractall(folder / style, filter="data")
        roots[style] = folder / style / "package"
    return roots


def plain(codepoints: str) -> str:
    """Code points without the variation selector: packages disagree on it."""
    return "-".join(
        part for part in codepoints.lower().replace("_", "-").split("-") if part != "fe0f"
    )


def group_of(entry: dict) -> str:
    """What an emoji is a variant of: woman, man and person running are one group, so are all clock
    faces, all keycaps and all families. :func:`mark_relatives` looks for groups on both sides of
    the split."""
    if entry["subcategory"] in ("family", "keycap"):
        return entry["subcategory"]
    if entry["short_name"].startswith("clock"):
        return "clock"
    first, *rest = plain(entry["unified"]).split("-")
    rest = [p for p in rest if p not in ("200d", "2640", "2642")]
    return "-".join(["adult" if first in GENDERED else first, *rest])


def split_emoji(kinds: dict[str, str]) -> dict[str, str]:
    """code -> train_a, train_b, val or test, 40/40/10/10 %, for ``kinds``: code -> Unicode
    subcategory.

    Stratified: the emoji are lined up by subcategory, within it by the SHA-256 of the code, and
    dealt out in tens, so that each split has its share of faces, food and clocks.
    """
    order = sorted(kinds, key=lambda code: (kinds[code], hashlib.sha256(code.encode()).hexdigest()))
    deal = ["train_a"] * 4 + ["val"] + ["train_b"] * 4 + ["test"]
    return {code: deal[i % 10] for i, code in enumerate(order)}


def on_white(path: Path) -> Image.Image:
    """One emoji as SIZE x SIZE RGB. White goes under the transparency before resizing, or hidden
    colours leak in."""
    image = Image.open(path).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.size == (SIZE, SIZE) else image.resize((SIZE, SIZE), Image.LANCZOS)


def build(packages: Path) -> None:
    roots = fetch(packages)
    files = {
        style: {plain(path.stem): path for path in (roots[style] / FOLDERS[style]).iterdir()}
        for style in STYLES
    }
    entries = json.loads((roots["noto"] / "emoji.json").read_text(encoding="utf-8"))
    everywhere = set.intersection(*map(set, files.values()))
    entries = [e for e in entries if e["category"] != "Flags" and plain(e["unified"]) in everywhere]
    entries.sort(key=lambda e: e["sort_order"])
    split = split_emoji({e["unified"]: f"{e['category']}/{e['subcategory']}" for e in entries})
    withheld = {name: reason for reason, names in WITHHELD.items() for name in names.split()}
    TARGET.mkdir(exist_ok=True)
    for style in STYLES:
        tiles = [on_white(files[style][plain(entry["unified"])]) for entry in entries]
        save_sheet(TARGET / f"{style}.avif", tiles)
    rows = []
    for entry in entries:
        name, code = entry["short_name"], entry["unified"]
        row = {"name": name, "code": code, "kind": f"{entry['category']}/{entry['subcategory']}"}
        row |= {"group": group_of(entry), "split": split[code]}
        rows.append(row | ({"withheld": withheld[name]} if name in withheld else {}))
    write(rows)
    mark_relatives()
    print(
        f"{len(rows)} emoji, {len({row['group'] for row in rows})} groups of relatives, in {TARGET}"
    )


def write(rows: list[dict]) -> None:
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    (TARGET / "emoji.json").write_text(text, encoding="utf-8")


def mark_relatives() -> None:
    """Give each emoji that is left out ``relative``, the name of its nearest one: LEFT_OUT_FOR says
    in which split. Relatives are of one group or, in any of the styles, nearer than NEAR.

    What is left out itself lets nobody else be left out.
    """
    rows = json.loads((TARGET / "emoji.json").read_text(encoding="utf-8"))
    flat = [drawings(style).flatten(1) / 127.5 - 1 for style in STYLES]
    apart = torch.stack([torch.cdist(part, part, p=1) / part.shape[1] for part in flat])
    apart = apart.amin(0).tolist()
    for row in rows:
        row.pop("relative", None)
    for split, others in LEFT_OUT_FOR.items():
        for i, row in enumerate(rows):
            near = [
                (apart[i][j], other["name"])
                for j, other in enumerate(rows)
                if row["split"] == split and other["split"] in others and "relative" not in other
                if row["group"] == other["group"] or apart[i][j] < NEAR
            ]
            row.update({"relative": min(near)[1]} if near else {})
    write(rows)


def save_sheet(path: Path, tiles: list[Image.Image]) -> None:
    sheet = Image.new("RGB", (COLUMNS * SIZE, math.ceil(len(tiles) / COLUMNS) * SIZE), "white")
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % COLUMNS * SIZE, i // COLUMNS * SIZE))
    sheet.save(path, quality=QUALITY, subsampling="4:4:4", speed=4)


if __name__ == "__main__":
    if sys.argv[1:] == ["--relatives"]:
        mark_relatives()
    else:
        run(build)
