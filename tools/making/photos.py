"""Rebuild the shipped photographs from Debian's packages (needs apt-get, dpkg-deb and the network).

    python -m tools.making.photos [FOLDER_WITH_PACKAGES]

Writes each photograph of ROUNDS, with 512 px on its shorter side at most, and ``photos.json`` into
``course_lib/data/photos_files/``, and their list, ``photos.md``, into ``LICENSES/``. Author and
licence are read anew from what the package says of each file. The same versions of the packages
and of Pillow give the same bytes.
"""

import fnmatch
import functools
import json
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

from course_lib.data.images import read_image, scaled
from course_lib.data.photos import FILES
from course_lib.demo.page import PHOTOGRAPHS

LICENSES = Path(__file__).parents[2] / "LICENSES"
SIDE = 512  # px of the shorter side at most
AVIF = 51  # quality; together under 8 MB
LICENCES = {  # as the packages write them: as SPDX does, and LICENSES/
    "CC0-1.0": "CC0-1.0",
    "CC-BY-4.0": "CC-BY-4.0",
    "CC-BY-SA-3.0": "CC-BY-SA-3.0",
    "CC-BY-SA-4.0": "CC-BY-SA-4.0",
    "CC-BY-SA 4.0": "CC-BY-SA-4.0",
    "GPL-2+": "GPL-2.0-or-later",
    "LGPLv3": "LGPL-3.0-only",
    "Public Domain": "public-domain",
    "public-domain": "public-domain",
}
VERSIONS = {
    "endless-sky-data": "0.9.8-1.2",
    "gcompris-qt-data": "3.1-2",
    "lomiri-wallpapers-16.04": "20.04.0-2",
    "lomiri-wallpapers-20.04": "20.04.0-2",
    "lxqt-themes": "1.2.0-1",
    "mate-backgrounds": "1.26.0-1",
    "plasma-workspace-wallpapers": "4:5.27.5-2",
}
KDE = "usr/share/wallpapers/{}/contents/images/2560x1600.jpg"
# Looked at one by one: real photographs, of nature, in colour, under licences that let everybody
# change and sell them. Similar views are in one split, and those of test may be shown anywhere with
# a line of credit. (package, path in it or in its archive of resources): split: files, with
# another name before = where theirs would not do
Chosen = dict[tuple[str, str], dict[str, str]]
CHOSEN: Chosen = {
    ("plasma-workspace-wallpapers", KDE): {
        "train": "EveningGlow FallenLeaf Kite OneStandsOut Path summer_1am"
    },
    ("mate-backgrounds", "usr/share/backgrounds/mate/nature/{}.jpg"): {
        "train": "Aqua Blinds Dune FreshFlower Garden GreenMeadow LadyBird RainDrops Storm TwoWings"
        " YellowFlower"
    },
    ("lomiri-wallpapers-16.04", "usr/share/backgrounds/{}.jpg"): {
        "train": "Bridge_by_Sander_Klootwijk Dragonfly_by_Bolly life_by_Aitzol_Berasategi"
        " picos_de_europa=picosdeeuropa_by_Aitzol_Berasategi sunset_by_Aitzol_Berasategi",
        "test": "aitzgorri_by_Aitzol_Berasategi dandelions=seeding_by_Clements_Engelhardt",
    },
    ("lomiri-wallpapers-20.04", "usr/share/backgrounds/{}.jpg"): {
        "train": "nuthatch=Kleiber_by_Lukas_Baubkus"
    },
    ("lxqt-themes", "usr/share/lxqt/wallpapers/{}.jpg"): {
        "train": "after-the-rain fog hills=this-is-not-windows"
    },
    ("lxqt-themes", "usr/share/lxqt/wallpapers/{}.png"): {
        "train": "butterfly drop",
        "val": "appleflower",
        "test": "flowers",
    },
    ("gcompris-qt-data", "erase/resource/{}.webp"): {
        "train": "camels cheetah flying_fox goat gorilla gosling heron long_nosed_monkey macaque"
        " meerkats northern_harrier penguin rhinoceros",
        "val": "toucan",
        "test": "caterpillar kingfisher red_panda squirrel",
    },
    ("gcompris-qt-data", "explore_world_animals/resource/animals/{}.webp"): {
        "train": "giraffe",
        "val": "lemur",
        "test": "bison",
    },
    ("gcompris-qt-data", "explore_farm_animals/resource/animals/{}.webp"): {
        "train": "sheep",
        "test": "horses=horse",
    },
    ("gcompris-qt-data", "explore_monuments/resource/{}.webp"): {
        "train": "castle=germany/neuschwansteinCastle rio=wonders/christTheRedeemer",
        "val": "wonders/machuPicchu france/montStMichel",
        "test": "great_wall=wonders/greatWallofChina",
    },
}
# Those that came later: their rows stand behind the others', so that no item of these has moved.
# Left out: what the README beside them does not name, is grey or under 512 px, or shows a sculpture
# of our days.
LATER: Chosen = {
    ("gcompris-qt-data", "explore_monuments/resource/{}.webp"): {
        "train": "egypt/bentPyramid pyramid_of_giza=egypt/greatPyramidOfGiza egypt/meidumPyramid"
        " egypt/redPyramid arles=france/arlesAmphitheater chenonceau=france/chateaudeChenonceau"
        " carcassonne=france/citedeCarcassonne france/rocamadour trier=germany/trierImperialBaths"
        " india/ajantaCave gateway_of_india=india/gatewayofIndia india/greatStupa"
        " india/konarkSunTemple india/mysorePalace india/rangGhar usa/fortSumter"
        " usa/lincolnMemorial usa/navajo statue_of_liberty=usa/statueofLiberty",
        "val": "france/eiffelTower france/reimsCathedral india/charminar india/hawaMahal",
        "test": "chambord=france/chateaudeChambord avignon=france/palaisdesPapes"
        " pont_du_gard=france/pontduGard germany/berlinCathedral germany/brandenburgGate"
        " germany/schwerinPalace india/goldenTemple india/qutubMinar"
        " canyon_de_chelly=usa/canyondeChelly usa/mountRushmore wonders/chichenItza"
        " wonders/colosseum wonders/petra wonders/tajMahal",
    },
}
# Photographs of 720 x 360 that a game shows of its planets. Left out: what is no landscape and no
# city, was taken off the Earth, has colours that nature has not, or is dim.
LAND = "usr/share/games/endless-sky/images/land/{}.jpg"
LANDSCAPES: Chosen = {
    ("endless-sky-data", LAND): {
        "train": "badlands1 badlands2 badlands3 badlands4 badlands5 badlands6 badlands7"
        "  badlands9-harro beach0 beach1 beach10-sfiera beach11-harro beach12-harro beach3 beach6"
        " beach7-sfiera beach9-sfiera bwerner0 bwerner2 bwerner3 bwerner6 bwerner7 bwerner8"
        " canyon0 canyon1 canyon2 canyon3 canyon4 canyon5 canyon6 canyon8 canyon9 desert1 desert2"
        " desert4 desert5 desert6 desert7 dmottl1 dmottl2 dmottl5 dune0 dune1 dune2 dune3 dune4"
        " dune5 dune6-harro fields0 fields10-sfiera fields12-sfiera fields13-sfiera fields2"
        " fields3 fields8 fields9 fog0 fog2 fog3 fog4 fog5 fog6 fog7 forest0 forest3 forest5"
        " hills0 hills1 hills6-sfiera hills7-harro lava0 lava1 lava3 lava4 lava5 lava6"
        " lava7-sfiera mfield5 mountain0 mountain1 mountain10-sfiera mountain11-sfiera"
        " mountain12-sfiera mountain17-harro mountain18-harro mountain19-harro mountain21-harro"
        " mountain22-spfld mountain23-spfld mountain6 mountain8 mountain9 myrabella0 myrabella1"
        " myrabella2 myrabella5 sea0 sea1 sea12-sfiera sea13-sfiera sea14-sfiera sea16-harro"
        " sea17-harro sea2 sea3 sea4 sea5 sea6 sea7 sea9 sky0 sky1 sky2 sky3 sky4 sky5 sky7 sky8"
        " snow0 snow10-sfiera snow11-sfiera snow2 snow3 snow5 snow7 snow8 snow9 valley10-sfiera"
        " valley11-harro valley13-harro valley14-harro valley15-harro valley2 valley3 valley4"
        " valley5 valley6 valley8 valley9 water1 water11-harro water2 water3 water4 water5 water7"
        " water9",
        "val": "badlands8 beach4 beach8-sfiera bwerner4 desert10-harro dmottl0 fields5 fields6"
        "  forest2 mountain14-sfiera mountain15-sfiera mountain20-harro mountain4 mountain7"
        " myrabella4 myrabella6 sky9 snow1 snow6 water8",
        "test": "badlands0 beach2 beach5 bwerner1 bwerner5 canyon10-harro canyon7"
        "  desert8-sfiera dmottl3 dmottl4 fields1 fields7 forest1 forest4 hills2 lava2"
        " mountain13-sfiera mountain16-striker mountain3 mountain5 myrabella3 myrabella7"
        " myrabella8 sea10-sfiera sea15-harro sea8 snow4 valley12-harro water0 water10-harro",
    },
}
CITIES: Chosen = {
    ("endless-sky-data", LAND): {
        "train": "city0 city1 city10 city11 city13-sfiera city14-sfiera city15-sfiera"
        "  city16-sfiera city17-sfiera city18-iridium city2 city3 city4 city5 city7 city9 mfield0"
        " mfield2 mfield3 mfield4",
    },
}
# With the quality of the WebP files of val and test, which stay to the byte. All else is AVIF, in
# one archive.
ROUNDS = ((CHOSEN, 88), (LATER, 74), (LANDSCAPES, None), (CITIES, None))


def unpack(package: str, folder: Path) -> Path:
    """The root of a package, unpacked below ``folder``; fetched if it is not there."""
    if (folder / package).exists():
        return folder / package
    if not any(folder.glob(f"{package}_*.deb")):
        wanted = f"{package}={VERSIONS[package]}"
        subprocess.run(["apt-get", "download", wanted], cwd=folder, check=True)
    (archive,) = folder.glob(f"{package}_*.deb")
    subprocess.run(["dpkg-deb", "-x", archive, folder / package], check=True)
    return folder / package


def resources(path: Path) -> Iterator[tuple[str, bytes]]:
    """(path, content) of what lies in an archive of Qt's resource compiler."""
    data = path.read_bytes()
    version, tree, contents, names = struct.unpack(">4I", data[4:20])
    todo = [(0, "")]
    while todo:
        node, above = todo.pop()
        at = tree + node * (14 if version == 1 else 22)
        name, flags, first, second = struct.unpack(">IHII", data[at : at + 14])
        here = above
        if node:  # the root has no name
            length = struct.unpack(">H", data[names + name : names + name + 2])[0]
            text = data[names + name + 6 : names + name + 6 + 2 * length]
            here = f"{above}/{text.decode('utf-16-be')}"
        if flags & 2:  # a folder, of ``first`` nodes
            todo += [(second + i, here) for i in range(first)]
        else:
            start = contents + second
            length = struct.unpack(">I", data[start : start + 4])[0]
            content = data[start + 4 : start + 4 + length]
            yield here, zlib.decompress(content[4:]) if flags & 1 else content


@functools.cache
def opened(root: Path) -> Path:
    """The folder in which the archives of GCompris in an unpacked package are unpacked."""
    for archive in sorted((root / "usr/share/gcompris-qt/rcc").glob("*.rcc")):
        for name, content in resources(archive):
            path = root / "resources" / name.removeprefix("/gcompris/src/activities/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return root / "resources"


def described(text: str, file: str) -> dict[str, str]:
    """The paragraph on ``file`` in a list of copyrights in Debian's format: field: value."""
    for paragraph in text.split("\n\n"):
        fields = dict(re.findall(r"^(\w+):[ \n]*(.+(?:\n[^\n:]+$)*)", paragraph, re.MULTILINE))
        if re.search(rf"(^|[\s/]){re.escape(file)}$", fields.get("Files", ""), re.MULTILINE):
            return fields
    raise ValueError(f"nothing is said of {file}")


def of_game(text: str, file: str) -> dict[str, str]:
    """author, licence and source of ``images/land/FILE`` in Endless Sky's list of copyrights.

    Paragraphs have patterns. One that names the photographer, as file names do, goes before one
    that names where photographs came from, and there a later one before an earlier one.
    """
    pattern = r"(^|\s)images/land/(\S+)"
    fitting = []
    for paragraph in text.split("\n\n"):
        patterns = [found[1] for found in re.findall(pattern, paragraph.partition("Copyright:")[0])]
        if any(fnmatch.fnmatchcase(file, each) for each in patterns):
            fields = dict(re.findall(r"^(Copyright|License): (.+)", paragraph, re.MULTILINE))
            fitting.append((fields["Copyright"] != "Various", paragraph, fields))
    _, paragraph, fields = max(reversed(fitting), key=lambda fit: fit[0])
    author = re.sub(r" ?\(.*?\)| <.*>", "", fields["Copyright"])
    # as the game's credits.txt writes it
    author = {"Michael Wilso": "Michael Wilson"}.get(author, author)
    found = {"author": author, "licence": LICENCES[fields["License"]]}
    if place := re.search(r"Taken from ([\w-]+\.com)", paragraph):
        # which writes its name without the hyphen
        place = place[1].replace("-", "")
        found |= {"author": f"not named ({place})", "source": f"https://{place}"}
    if page := re.search(r"commons\.wikimedia\.org/wiki/[\w:]+|sfiera\.net", fields["Copyright"]):
        found["source"] = f"https://{page[0]}"
    return found


def credit(package: str, root: Path, path: Path) -> dict[str, str]:
    """title, author, licence and, if it is named, source of one photograph of a package."""
    if package == "plasma-workspace-wallpapers":
        about = json.loads((path.parents[2] / "metadata.json").read_text("utf-8"))["KPlugin"]
        author = " and ".join(each["Name"] for each in about["Authors"])
        return {"title": about["Name"], "author": author, "licence": LICENCES[about["License"]]}
    title = re.sub("_by_.*|[-_]", " ", path.stem).strip()
    if package == "endless-sky-data":
        note = root / "usr/share/doc" / package / "copyright"
        return {"title": title} | of_game(note.read_text("utf-8"), path.stem)
    if package == "lxqt-themes":  # its list names the files more or less: see CHOSEN
        text = (path.parent / "License").read_text("utf-8")
        assert "licenses/by-sa/3.0/" in text and "stefonarch (standreas@riseup.net)\nbeam" in text
        return {"title": title, "author": "stefonarch", "licence": "CC-BY-SA-3.0"}
    if package == "gcompris-qt-data":  # the package's own list is of older pictures
        note = next(up / "README" for up in path.parents if (up / "README").exists())
        fields = described(note.read_text("utf-8"), path.relative_to(note.parent).as_posix())
        title = unquote(fields["Source"]).rpartition("File:")[2].rpartition(".")[0]
        title = title.replace("_", " ")
    else:
        note = root / "usr/share/doc" / package / "copyright"
        fields = described(note.read_text("utf-8"), path.name)
    author = " and ".join(fields["Copyright"].split("\n"))
    author = re.sub(r'<[^>]*>\S?|\b20\d\d\b[,.]?|["©]', "", author)
    author = re.sub(r"\s+", " ", author).strip(" ,")
    found = {"title": title, "author": author, "licence": LICENCES[fields["License"]]}
    return found | ({"source": fields["Source"]} if "Source" in fields else {})


def build(folder: Path) -> None:
    FILES.mkdir(exist_ok=True)
    for old in FILES.iterdir():
        old.unlink()
    rows = []
    for chosen, quality in ROUNDS:
        found = [
            add(package, where, split, file, folder, quality)
            | {"kind": "landscape" if chosen is LANDSCAPES else "any"}
            for (package, where), splits in chosen.items()
            for split, files in splits.items()
            for file in files.split()
        ]
        rows += sorted(found, key=lambda row: row["name"])
    text = listed(rows)
    with zipfile.ZipFile(FILES / "photos.zip", "w") as archive:
        for path in [*sorted(FILES.glob("*.avif")), *sorted(FILES.glob("*.webp"))]:
            if path.stem not in PHOTOGRAPHS:  # which pages open as files
                # without the time
                archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
                path.unlink()
    write(rows, "photos", FILES, text)


def write(rows: list[dict], name: str, folder: Path, text: str) -> None:
    """What is known of the pictures in ``folder``, for the course, and ``text``, for people."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    (LICENSES / f"{name}.md").write_text(text, encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{len(rows)} {name}, {size / 1e6:.2f} MB, in {folder}")


def add(package: str, where: str, split: str, file: str, folder: Path, quality: int | None) -> dict:
    """Store one photograph; its row."""
    root = unpack(package, folder)
    inside = opened(root) if package == "gcompris-qt-data" else root
    given, _, file = file.rpartition("=")
    path = inside / where.format(file)
    name = given or re.sub("_by_.*|.*/", "", file).replace("-", "_")
    name = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
    image = read_image(path)
    size = scaled(image.size, min(1, SIDE / min(image.size)))
    image = image.resize(size, Image.LANCZOS)
    if quality and split != "train":
        image.save(FILES / f"{name}.webp", quality=quality, method=6)
    else:
        image.save(FILES / f"{name}.avif", quality=AVIF)
    of = {"package": package, "version": VERSIONS[package]}
    of["path"] = path.relative_to(inside).as_posix()
    return {"name": name, "split": split} | credit(package, root, path) | of


def listed(rows: list[dict]) -> str:
    """The list of authors and licences, for people."""
    lines = [
        "# The photographs, their authors and licences",
        "",
        "Each was scaled to at most 512 px on its shorter side and stored as WebP or AVIF, which",
        "are lossy; nothing else was changed here. Those of `gcompris-qt-data` had been cropped,",
        "and most of them sharpened, by GCompris. Those of `endless-sky-data` had been cropped and",
        "scaled, and many edited, by the makers of that game; its list of copyrights does not name",
        "the photographers of what it took from morguefile.com and unsplash.com, and calls it",
        "public domain. All but the six that pages open lie in `photos.zip`.",
        "`tools/making/photos.py` collects the photographs, and wrote this list.",
        "",
        "| file | title | by | licence | taken from |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        title = row["title"].replace("|", " ")
        title = f"[{title}]({row['source']})" if "source" in row else title
        licence = row["licence"]
        if licence != "public-domain":
            licence = f"[{licence}]({licence}.txt)"
        (file,) = (path.name for path in FILES.glob(f"{row['name']}.*"))
        origin = f"`{row['package']}` {row['version']}, `{row['path']}`"
        lines.append(f"| {file} | {title} | {row['author']} | {licence} | {origin} |")
    return "\n".join(lines) + "\n"


def run(build: Callable[[Path], None]) -> None:
    """With the folder of packages that the command line names, or a new one."""
    with tempfile.TemporaryDirectory() as folder:
        build(Path(sys.argv[1] if len(sys.argv) > 1 else folder).resolve())


if __name__ == "__main__":
    run(build)
