"""Rebuild the shipped line drawings from their npm package (needs npm, the network and ``pip
install cairosvg``).

    python -m tools.making.openmoji [FOLDER_WITH_THE_PACKAGE]

Writes ``openmoji.json`` and, for each split, a sheet of lines and one of colours, of 128 px, into
``course_lib/data/openmoji_files/``; the course itself needs none of this. A drawing and its
coloured twin are ``black/svg`` and ``color/svg`` of one name. The same package gives the same
pixels.
"""

import hashlib
import io
import json
import re
import subprocess
import tarfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from course_lib.data.emoji import COLUMNS
from tools.making.photos import run

PACKAGE = "openmoji@17.0.0"
SIZE = 128
TARGET = Path(__file__).parents[2] / "course_lib" / "data" / "openmoji_files"
SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}

# What is left out by its subgroup: flags are rectangles whose colours no line tells, brands are
# trademarks, and letters in a frame are no drawings.
NOT_TAKEN = {
    "subdivision-flag",
    "flags",
    "queer-symbols",
    "brand",
    "regional-indicator",
    "skin-tone",
}
# Two people who live, and what is a brand, too, though it is filed elsewhere
LEFT_OUT = {"trump", "Greta Thunberg", "HAL 9000", "tardis", "guy fawkes mask", "raspberry pi"}
LEFT_OUT |= {"arduino", "ibeacon", "circled cc"}
MOST_LOST = 0.1  # share of the black that may be light in the twin: it is another drawing beyond
LEAST_FILLED = 0.02  # share of the picture that the twin fills: it is a drawing of lines below
# Of signs, the least share of the picture in some colour: a grey arrow says nothing of colours
LEAST_COLOURED = 0.005
SIGNS = {"symbols", "symbol-other", "ui-element", "interaction"}
NEAR = 0.05  # L1 in [-1, 1], of means of 4 x 4 pixels, below which two pictures are nearly one
# What a teacher would not put on a screen: left out of figures, games and presets, not of training.
WITHHELD = {
    "insult": ("middle finger", "face with symbols on mouth"),
    "tobacco": ("cigarette", "lighter"),
    "weapon": ("dagger", "crossed swords", "bomb", "water pistol", "kitchen knife", "atom bomb"),
    "adults only": (
        "no one under eighteen",
        "people with bunny ears",
        "men with bunny ears",
        "women with bunny ears",
        "drunk person",
    ),
}
# Groups of what means nearly the same, by a pattern in "subgroup/name"; the first that matches
SUBJECTS = {
    "family": r"^family/|^person-symbol/",
    "person": r"^person/|^hair-style/|(man|woman|person) (standing|kneeling|walking|running)",
    "hands": r"^hand|^interaction/|ai hand|no handshaking|medical gloves|wash hands",
    "clock": r"^time/.*(clock|thirty)",
    "moon": r"/.*moon",
    "cloud": r"^sky-weather/.*(cloud|sun\b)",
    "keycap": r"^keycap/|^alphanum/",
    "arrow": r"^arrow/|/.*\barrow",
    "player": r"^av-symbol/",
    "zodiac": r"^zodiac/",
    "heart": r"^heart/|/.*\bheart\b",
    "shape": r"^geometric/|/.*(circle|square|diamond|triangle|gon|ellipse|rectangle|star with)",
    "chess": r"/.*chess",
    "cards": r"^game/.*(mahjong|joker|suit|cards)",
    "globe": r"/globe",
    "book": r"^book-paper/.*book",
    "mailbox": r"/.*mailbox",
    "envelope": r"/.*(envelope|e-mail)",
    "speaker": r"/.*speaker",
    "banknote": r"/.*banknote",
    "medal": r"/.*medal",
    "jar": r"/jar",
    "cat face": r"^cat-face/",
    "monkey face": r"^monkey-face/",
    "train": r"/.*(train|locomotive|railway|metro|tram|station|monorail)",
    "car": r"/.*(automobile|taxi|car\b|police car|vehicle)",
    "volcano": r"/.*volcano",
    "evacuate": r"/.*(evacuate|exit)",
    "ice": r"/.*\b(ice shelf|iceberg|floating ice)",
    "lock": r"^lock/",
    "chart": r"/chart",
    "magnifying glass": r"/magnifying",
    "snowman": r"/snowman",
    "battery": r"/.*battery",
    "bubble": r"/.*(bubble|balloon)",
    "music": r"/musical (note|score)",
    "crutch": r"/crutch",
    "mushroom": r"/(mushroom|champignon)",
    "airplane": r"/.*airplane",
    "house": r"/.*(house\b|houses|house with|hut$|church|wedding|office$|building)",
    "sun": r"/(sunrise|sunset|cityscape)",
    "whale": r"/.*(whale|orca|beluga|narwhal|porpoise|dolphin)",
    "wheelchair": r"/.*wheel ?chair",
    "cane": r"/.*white cane",
    "ear": r"/ear(ache| with|$)",
    "plug": r"/.*plug",
    "sword": r"/(dagger|crossed swords)",
    "bus": r"/.*bus\b|/minibus|/trolleybus",
    "cableway": r"/.*(cableway|tramway|suspension railway)",
    "warning": r"/warning|/no |^warning/",
    "deer": r"/(deer|doe)$",
    "royal": r"/(prince|princess|person with crown)",
    "clipboard": r"/.*clipboard",
    "poppy": r"^plant-flower/(rose|wilted)",
    "swipe": r"/(swipe|scroll)",
}
PEOPLE = r"\b(man|men|woman|women|person|people|male|female|santa|mrs\.|mx|boy|girl)\b"
PEOPLE += r"|: .*|\u2019s\b"


def fetch(folder: Path) -> Path:
    """The root of the package below ``folder``, unpacked (with ``npm pack`` if it is missing)."""
    archive = folder / (PACKAGE.replace("@", "-") + ".tgz")
    if not archive.exists():
        subprocess.run(["npm", "pack", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "package"


def drawn(path: Path) -> np.ndarray:
    """A vector drawing on white, (128, 128, 3), 0 to 255."""
    import cairosvg  # needed here alone

    png = cairosvg.svg2png(url=str(path), output_width=SIZE, output_height=SIZE)
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("RGB"))


def reason_against(row: dict, lines: np.ndarray, colours: np.ndarray) -> str | None:
    """Why a drawing is not taken, or None."""
    x, y = lines.astype(int), colours.astype(int)
    black = x.mean(-1) < 64
    lost = (y.mean(-1) > 100)[black].mean() if black.any() else 1
    chroma = y.max(-1) - y.min(-1)
    filled, coloured = (abs(y - x).max(-1) > 24).mean(), (chroma > 24).mean()
    if lost > MOST_LOST:
        return "lines that the coloured twin has not"
    if filled < LEAST_FILLED:
        return "nothing is filled"
    if coloured < LEAST_COLOURED and {row["group"], row["subgroups"]} & SIGNS:
        return "a grey sign"
    return None


def subject(row: dict) -> str:
    """What a drawing means, the same for variants of it (gender, hair, direction, hour)."""
    name = row["annotation"]
    place = f"{row['subgroups']}/{name}"
    for group, pattern in SUBJECTS.items():
        if re.search(pattern, place):
            return group
    bare = re.sub(PEOPLE, "", name.lower())
    if row["subgroups"].startswith("animal"):
        bare = bare.replace(" face", "")
    return " ".join(bare.split()) or "person"


def near(pictures: np.ndarray) -> list[tuple[int, int]]:
    """Which of (n, 128, 128, c) uint8 are nearly the same picture, i < j."""
    means = pictures.reshape(len(pictures), 32, 4, 32, 4, -1).mean((2, 4), dtype=np.float32)
    flat = torch.from_numpy(means / 127.5 - 1).flatten(1)
    apart = torch.cdist(flat, flat, p=1) / flat.shape[1]
    return [(i, j) for i, j in (apart < NEAR).nonzero().tolist() if i < j]


def grouped(subjects: list[str], pairs: list[tuple[int, int]]) -> list[str]:
    """The name of each drawing's group: those of one subject, and near ones, are together."""
    of = dict(zip(subjects, subjects, strict=True))

    def root(name: str) -> str:
        while of[name] != name:
            name = of[name]
        return name

    for i, j in pairs:
        one, other = sorted((root(subjects[i]), root(subjects[j])))
        of[other] = one
    return [root(name) for name in subjects]


def split_groups(kinds: dict[str, str], counts: Counter) -> dict[str, str]:
    """group -> train, val or test, for ``kinds``: group -> Unicode's name for such drawings.

    Stratified: the groups are lined up by kind, within it by the SHA-256 of their names, and each
    goes where most is missing then, counted with it. So large groups are for training.
    """
    order = sorted(kinds, key=lambda g: (kinds[g], hashlib.sha256(g.encode()).hexdigest()))
    there, found = dict.fromkeys(SHARES, 0), {}
    for group in order:
        total = sum(there.values()) + counts[group]
        found[group] = max(SHARES, key=lambda part: SHARES[part] * total - there[part])
        there[found[group]] += counts[group]
    return found


def rounded(picture: np.ndarray) -> np.ndarray:
    """Sixteen levels where colours meet; a colour of at least 24 pixels stays what it is."""
    numbers = picture.astype(int) @ (65536, 256, 1)
    _, where, count = np.unique(numbers, return_inverse=True, return_counts=True)
    kept = (count >= 24)[where].reshape(SIZE, SIZE, 1)
    return np.where(kept, picture, np.round(picture / 17) * 17)


def save_sheet(path: Path, tiles: list[np.ndarray]) -> None:
    sheet = np.full((-(-len(tiles) // COLUMNS) * SIZE, COLUMNS * SIZE, 3), 255, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // COLUMNS * SIZE, i % COLUMNS * SIZE
        sheet[top : top + SIZE, left : left + SIZE] = tile
    Image.fromarray(sheet).save(path, lossless=True, quality=80, method=4)


def build(packages: Path) -> None:
    root = fetch(packages)
    rows, out = [], defaultdict(list)
    for row in json.loads((root / "data" / "openmoji.json").read_text(encoding="utf-8")):
        if row["skintone"] or row["group"] == "flags":
            continue
        if row["subgroups"] in NOT_TAKEN or row["annotation"] in LEFT_OUT:
            out[row["subgroups"] if row["subgroups"] in NOT_TAKEN else "by name"].append(row)
            continue
        file = f"svg/{row['hexcode']}.svg"
        lines, colours = drawn(root / "black" / file), drawn(root / "color" / file)
        if reason := reason_against(row, lines, colours):
            out[reason].append(row)
            continue
        rows.append(row | {"lines": lines, "colours": colours})
    for reason, those in out.items():
        print(f"{len(those)} left out, {reason}: {', '.join(r['annotation'] for r in those)}")

    pairs = [p for key in ("lines", "colours") for p in near(np.stack([r[key] for r in rows]))]
    groups = grouped([subject(row) for row in rows], pairs)
    kinds = {group: row["group"] for row, group in reversed([*zip(rows, groups, strict=True)])}
    splits = split_groups(kinds, Counter(groups))
    withheld = {name: reason for reason, names in WITHHELD.items() for name in names}
    entries, seen = [], Counter()
    for row, group in zip(rows, groups, strict=True):
        seen[name := row["annotation"].strip()] += 1
        entry = {"name": name if seen[name] == 1 else f"{name} ({seen[name]})"}
        entry |= {"code": row["hexcode"], "kind": f"{row['group']}/{row['subgroups']}"}
        entry |= {"group": group, "split": splits[group]}
        entries.append(entry | ({"withheld": withheld[name]} if name in withheld else {}))
    TARGET.mkdir(exist_ok=True)
    for part in SHARES:
        chosen = [row for row, entry in zip(rows, entries, strict=True) if entry["split"] == part]
        save_sheet(TARGET / f"lines_{part}.webp", [np.round(r["lines"] / 17) * 17 for r in chosen])
        save_sheet(TARGET / f"colours_{part}.webp", [rounded(r["colours"]) for r in chosen])
    text = "[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) + "\n]\n"
    (TARGET / "openmoji.json").write_text(text, encoding="utf-8")
    print(len(entries), "drawings,", len(kinds), "groups", Counter(e["split"] for e in entries))


if __name__ == "__main__":
    run(build)
