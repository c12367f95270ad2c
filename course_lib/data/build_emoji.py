"""Rebuild the shipped emoji files from their npm packages (needs npm and the network; the course itself does not).

    python -m course_lib.data.build_emoji [FOLDER_WITH_PACKAGES]

Writes three contact sheets and ``emoji.json`` into ``emoji_files/``. The same packages give the same pixels; the
bytes of a sheet may differ between versions of libavif.
"""

import hashlib
import json
import math
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from PIL import Image

PACKAGES = {
    "noto": "emoji-datasource-google@16.0.0",
    "twemoji": "emoji-datasource-twitter@16.0.0",
    "fluent": "@lobehub/fluent-emoji-3d@1.1.0",
}
FOLDERS = {"noto": "img/google/64", "twemoji": "img/twitter/64", "fluent": "assets"}
SIZE, COLUMNS = 64, 40
GENDERED = {"1f468", "1f469", "1f9d1"}  # man, woman, person: the first code point of a profession or a hairstyle
TARGET = Path(__file__).parent / "emoji_files"


def fetch(folder: Path) -> dict[str, Path]:
    """Unpack the three packages below ``folder`` (with ``npm pack`` where they are missing); style -> package root."""
    roots = {}
    for style, package in PACKAGES.items():
        name = package.lstrip("@").replace("/", "-").replace("@", "-") + ".tgz"
        if not (folder / name).exists():
            subprocess.run(["npm", "pack", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(folder / name) as archive:
            archive.extractall(folder / style, filter="data")
        roots[style] = folder / style / "package"
    return roots


def plain(codepoints: str) -> str:
    """Code points without the variation selector: packages disagree on it."""
    return "-".join(part for part in codepoints.lower().replace("_", "-").split("-") if part != "fe0f")


def group_of(entry: dict) -> str:
    """What an emoji is a variant of: woman, man and person running are one group, so are all clock faces, all keycaps
    and all families. Relatives may be on both sides of the split; this is how to find them."""
    if entry["subcategory"] in ("family", "keycap"):
        return entry["subcategory"]
    if entry["short_name"].startswith("clock"):
        return "clock"
    first, *rest = plain(entry["unified"]).split("-")
    rest = [p for p in rest if p not in ("200d", "2640", "2642")]
    return "-".join(["adult" if first in GENDERED else first, *rest])


def split_emoji(kinds: dict[str, str]) -> dict[str, str]:
    """code -> train_a, train_b, val or test, 40/40/10/10 %, for ``kinds``: code -> Unicode subcategory.

    Stratified: the emoji are lined up by subcategory, within it by the SHA-256 of the code, and dealt out in tens, so
    that each split has its share of faces, food and clocks.
    """
    order = sorted(kinds, key=lambda code: (kinds[code], hashlib.sha256(code.encode()).hexdigest()))
    deal = ["train_a"] * 4 + ["val"] + ["train_b"] * 4 + ["test"]
    return {code: deal[i % 10] for i, code in enumerate(order)}


def drawing(path: Path) -> Image.Image:
    """One emoji as 64 x 64 RGB. White goes under the transparency before resizing, or hidden colours leak in."""
    image = Image.open(path).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.size == (SIZE, SIZE) else image.resize((SIZE, SIZE), Image.LANCZOS)


def build(packages: Path) -> None:
    roots = fetch(packages)
    files = {
        style: {plain(p.stem): p for p in sorted((root / FOLDERS[style]).iterdir())} for style, root in roots.items()
    }
    entries = json.loads((roots["noto"] / "emoji.json").read_text(encoding="utf-8"))
    entries = [e for e in entries if e["category"] != "Flags" and all(plain(e["unified"]) in f for f in files.values())]
    entries.sort(key=lambda e: e["sort_order"])
    groups = [group_of(e) for e in entries]
    codes = [e["unified"] for e in entries]
    split = split_emoji({e["unified"]: f"{e['category']}/{e['subcategory']}" for e in entries})
    TARGET.mkdir(exist_ok=True)
    for style in PACKAGES:
        sheet = Image.new("RGB", (COLUMNS * SIZE, math.ceil(len(entries) / COLUMNS) * SIZE), "white")
        for i, entry in enumerate(entries):
            tile = drawing(files[style][plain(entry["unified"])])
            sheet.paste(tile, (i % COLUMNS * SIZE, i // COLUMNS * SIZE))
        sheet.save(TARGET / f"{style}.avif", quality=95, subsampling="4:4:4", speed=4)  # about 45 dB, under 7 MB in all
    rows = [
        {
            "name": e["short_name"],
            "code": code,
            "kind": f"{e['category']}/{e['subcategory']}",
            "group": group,
            "split": split[code],
        }
        for e, code, group in zip(entries, codes, groups, strict=True)
    ]
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    (TARGET / "emoji.json").write_text(text, encoding="utf-8")
    print(f"{len(rows)} emoji, {len(set(groups))} groups of relatives, in {TARGET}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        build(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
