"""Rebuild the shipped letters from Debian's packages of fonts (needs apt-get and the network).

    python -m tools.making.letters [FOLDER_WITH_PACKAGES]

Draws A to Z of each font of PACKAGES, sorts out what is no letter or is there twice, splits the
fonts by family, and writes the sheets and ``letters.json`` into ``course_lib/data/letters_files/``
and their list, ``letters.md``, into ``LICENSES/``. What is left out is printed with the reason. The
same versions of the packages, of Pillow and of FreeType give the same bytes.
"""

import re
import subprocess
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont

from course_lib.data.letters import BASE, CAP, COLUMNS, FILES, LETTERS, TILE
from tools.making.photos import run, write

UP = 4  # letters are drawn so much larger, and reduced: no hinting is left then
LEVELS = 16  # of grey
PLAIN = "Liberation Sans"  # in which x of letters:many is written
# differences of two alphabets, of the ink of both: less is the same font; nearly the same
TWINS, ALIKE = 0.065, 0.08
# of the fonts of each kind in val, and in test; of the few scripts more, or a score would be luck
SHARES = {"script": 0.15, "sans": 0.1, "other": 0.1}
LARGE = 16  # a family of more fonts is in train: it would be most of val

# Each package's copyright file was read: this is what it says of the fonts, not of what packs them.
# fonts-NAME=VERSION.
PACKAGES: dict[str, str] = {
    "OFL-1.1": """
        allerta=2.01+dfsg1-4 amiga=1.0-2 anonymous-pro=1.003-4 apropal=1.0-2 arapey=0+git20200408-2
        averia-gwf=1.00-3.1 averia-sans-gwf=1.00-2.1 averia-serif-gwf=1.00-2.1
        babelstone-modern=6.002-3 bajaderka=1.0-4 bebas-neue=3.0-2 blankenburg=0.1-3 bwht=0.1-3
        cabin=1.5-3 cabinsketch=1.02-3 cantarell=0.303.1-1 cardo=1.04-3 cherrybomb=3.00+dfsg-2
        cmu=0.7.0-5 comfortaa=3.001-3 comic-neue=2.51-4 compagnon=0.2-3
        courier-prime=0+git20190115-3 croscore=20201225-1 crosextra-caladea=20200211-1
        crosextra-carlito=20220224-1 dancingscript=1.2-2 dkg-handwriting=0.17-1 dosis=1.7-3
        dotgothic16=1.000-20210120-2 ebgaramond=0.016+git20210310.42d4f9f2-1
        ebgaramond-extra=0.016+git20210310.42d4f9f2-1 ecolier-court=1.00-6
        elstob=2.000~beta4+git20230209+ds-1 essays1743=2.100-4 eurofurence=4.0-3
        fantasque-sans=1.7.2~alpha.3~dfsg-2 ferrite-core=2.02+ds-1 firacode=6.2-2 gamaliel=0.1-2
        gemunu-libre=1.100+ds-2 georgewilliams=20031023-3 gfs-artemisia=1.1-6 gfs-baskerville=1.1-6
        gfs-bodoni-classic=1.1-6 gfs-complutum=1.1-7 gfs-didot=1.1-7 gfs-didot-classic=1.1-6
        gfs-gazis=1.1-6 gfs-neohellenic=1.1-7 gfs-olga=1.1-6 gfs-porson=1.1-7 gfs-solomos=1.1-6
        gfs-theokritos=1.1-6 gnutypewriter=1.0-2 gotico-antiqua=0+git20190704-4 havana=1.0-4
        hosny-amiri=0.113-1 humor-sans=1.0-4 inter=4.0~beta7+ds-1 joscelyn=1.012+ds-2
        junction=20110525.18de841-1.1 junicode=2+git20230104+ds-1 jura=5.103-3 karla=20201218-1
        karmilla=016+git20201117+85100cc-2 kaushanscript=1.02-2.1 klaudia-berenika=2011-09-03-2
        kristi=20101220-1 lato=2.0-2.1 le-murmure=0.2-2 league-mono=2.300+ds-1
        league-spartan=2.210-1 leckerli-one=20120409-1 lemonada=4.004+git20190612-1
        liberation2=2.1.5-1 linuxlibertine=5.3.0-6 lobster=2.0-2.1 lobstertwo=2.0-2.1
        manrope=4.504+git20201211-2 millimetre=0.2-2 monofur=1.0-3 monoid=0.61-4 mononoki=1.5+dfsg-1
        mplus=063+git20221017+ds-1 nanum=20200506-1 nanum-extra=20200506-1
        national-park=0.0~20220205-2 noto-mono=20201225-1 okolaks=0.6.0-2 opendin=1.0-4
        oxygen=4:5.4.3-4 play=1.002+20150307.1-0.1 quattrocento=1.1-2.1 quicksand=0.2016-2.1
        radisnoir=0.9b-5 rampart=1.000-20210120-2 reggae=1.000-20210120-2
        rit-sundar=2.0.0+20170909-2 rocknroll=1.000-20210120-2
        routed-gothic=1.0.0+git20210723.e22ee83+dfsg-2 sil-andika=6.101-2
        sil-andikanewbasic=5.500-3.1 sil-charis=6.101-1 sil-doulos=6.101-1 sil-galatia=2.1-6
        sil-gentium=20081126:1.03-4 sil-gentium-basic=1.102-1.1 sil-gentiumplus=6.101-1
        sixtyfour=1.0-2 smc-anjalioldlipi=7.1.2-2 smc-chilanka=1.540-2 smc-dyuthi=3.0.2-2
        smc-gayathri=1.200-1 smc-karumbi=1.1.2-2 smc-keraleeyam=3.0.2-2 smc-manjari=2.000-4
        smc-uroob=2.0.2-1 smiley-sans=1.1.1-1 solide-mirage=0.2-2 sora=0+git20201221+ds-2
        stick=1.000-20210120-2 stix=1.1.1-4.1 tomsontalks=1.1-9 train=1.000-20210120-2
        triod-postnaja=20130809-2 vollkorn=4.105-2 yanone-kaffeesatz=2.0+git20211102+ds-1
        yrsa-rasa=2.005-1 yusei-magic=1.000-20210130-2
    """,
    "Apache-2.0": """
        clear-sans=1.00-2 jetbrains-mono=2.242+ds-3 open-sans=1.11-2 roboto-slab=1.100263+20170512-2
        roboto-unhinted=2:0~20170802-3
    """,
    "MIT": """
        agave=37-2 fanwood=1.1-7 lindenhill=1.2-6 roadgeek=3.1-3
    """,
    "public-domain": """
        goudybookletter=2010.07.03-6 ocr-a=1.0-10 prociono=2.3-6 tuffy=20120614-2.1
    """,
    "GPL-2.0-or-later WITH Font-exception-2.0": """
        adf-accanthis=0.20190904-2 adf-baskervald=0.20190904-2 adf-berenis=0.20190904-2
        adf-gillius=0.20190904-2 adf-ikarius=0.20190904-2 adf-irianis=0.20190904-2
        adf-libris=0.20190904-2 adf-mekanus=0.20190904-2 adf-oldania=0.20190904-2
        adf-romande=0.20190904-2 adf-switzera=0.20190904-2 adf-tribun=0.20190904-2
        adf-universalis=0.20190904-2 adf-verana=0.20190904-2 sjfonts=2.1-2
    """,
    "GPL-3.0-or-later WITH Font-exception-2.0": """
        freefont-otf=20120503-10 rufscript=010-6 tiresias=0.1-6
    """,
    "LicenseRef-aenigma": """
        aenigma=0.0.20080511+dfsg-4
    """,
}
# What a copyright file must hold to be of that licence, so that no slip of the pen gives one.
EXCEPTION = r"if\s+you\s+create\s+a\s+document\s+which\s+uses"
WORDS = {
    "OFL-1.1": r"(?i)open\s+font\s+license,?\s+(v\.?|version\s+)?1\.1|(OFL|SIL)-1\.1",
    "Apache-2.0": r"Apache(-2| License)",
    "MIT": r"Permission is hereby granted, free of charge, to any person obtaining",
    "public-domain": r"(?i)public[- ]domain",
    "GPL-2.0-or-later WITH Font-exception-2.0": EXCEPTION,
    "GPL-3.0-or-later WITH Font-exception-2.0": EXCEPTION,
    "LicenseRef-aenigma": r"to make changes to your fonts, provided those changes are noted",
}
# Packages that were read and left out.
REFUSED = {
    "a free licence that says nothing of pictures made with the font (OFL 1.0, GPL or LGPL without"
    " an exception for documents)": """beteckna breip century-catalogue dustin engadget
        inconsolata isabella johnsmith-induni levien-museum levien-typoscript linex oldstandard
        staypuft summersby uralic""",
    "free, by a licence that the course has no text of": """3270 atarismall b612 dejavu-core
        dejavu-extra f500 fantasma femkeklaver glasstty go hack lmodern opendyslexic osifont
        paratype spleen texgyre ubuntu-title""",
    "several licences for several files in one list": """cegui hermit liberation ocr-b proggy
        tlwg-*""",
    "no capitals, or lower case in their place": "adf-solothurn dejima-mincho ldco",
    "the segments of a display: V, W and X are hardly letters": "dseg",
}
# Fonts that were looked at, by their whole names, in which _ is a space.
LEFT_OUT = {
    "pictures, ornaments or pieces of letters": """3D_LET 90_Stars Bit_Blocks_TTF
        Entangled_Layer_B Faux_Snow Head-Ding_Maker Hearts Line_Dings Numskull Qbicle_1 Qbicle_2
        Qbicle_3 Qbicle_4 Quill_Experimental_O Quill_Experimental_S Skull_Capz Snailets Symmetry
        Tearful Weaver Xmas_Lights 10.15_Saturday_Night_R""",
    "a letter in a disc, a box or a pattern, which is seen first": """18_Holes Bandwidth Binary
        Circulate Double_Bogey Encapsulate Entangled Grudge Jawbreaker_OL2 Knot
        Linux_Biolinum_Keyboard_O Mishmash_4x4o Nucleus Pindown Pindown_Plain Pindown_X
        Queasy_Outline Scalelines_Maze Spheroids Swirled Xerox_Malfunction
        Zurklez_Outline Zurklez_Solid""",
    "letters that lie on their side": "Vertigo Vertigo_2",
    "lower case in the place of capitals": "Sequence",
    "after the lettering of a game: its owner was not asked": """Kirby_No_Kira_Kizzu
        Yoshi's_Story_game_text Zelda_DX_TT""",
}
# By eye and by name: handwriting, script and brush, whose letters show a hand;
SCRIPT = """Aenigma_Scrawl Bajaderka Because_We Caliban Chilanka Comic_Neue Dancing_Script
    DkgHandwriting Havana Humor_Sans Johnny_Mac Karumbi Kaushan Kristi Lamebrain Leckerli Lemonada
    Licorice Lobster Mad's_Scrawl Nanum_Brush Nanum_Pen Romande_ADF_Script Rufscript Steve_Hand
    Tomson Yusei_Magic Compagnon_Bold"""
# and upright letters without serifs, of even strokes, as on signs and screens.
SANS = """Allerta Andika AnjaliOldLipi Arimo Averia_Sans Bebas Cabin Cantarell Carlito Clear_Sans
    CMU_Bright CMU_Sans Comfortaa Dosis Dyuthi eurofurence FreeSans Gayathri Gemunu GFS_Neohellenic
    Gillius Inter Junction Jura Karla Karmilla Keraleeyam Lato League_Spartan Liberation_Sans Libris
    Linux_Biolinum Manjari Manrope M_PLUS_1 M_PLUS_2 NanumBarunGothic NanumGothic NanumSquare
    National_Park Open_Sans OSP-DIN Oxygen-Sans Play Quicksand Roadgeek Roboto Routed_Gothic Sora
    Switzera Tiresias Tuffy Universalis Uroob Verana_Sans Yanone"""
NOT_SANS = r"(?i)italic|\bit\b|obl|slab|sketch|outline|cod(e|ing)|mono|serif"
# Words with which names of several families begin.
MAKERS = {"adf", "gfs", "gw", "linux", "m", "new", "sil", "the"}


def unpack(package: str, version: str, folder: Path) -> Path:
    """The root of a package, unpacked below ``folder``; fetched if it is not there."""
    if not (folder / package).exists():
        if not any(folder.glob(f"{package}_*.deb")):
            wanted = f"{package}={version}"
            subprocess.run(["apt-get", "download", wanted], cwd=folder, check=True)
        (archive,) = folder.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, folder / package], check=True)
    return folder / package


def holders(text: str, licence: str) -> str:
    """Whose copyright the list names: in the paragraph of that licence, or line by line."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^(\w+):[ \t]*(.*(?:\n[ \t]+.*)*)", paragraph, re.MULTILINE))
        if {"Files", "Copyright"} <= fields.keys() and not fields["Files"].startswith("debian"):
            found.append((fields.get("License", ""), fields["Copyright"].splitlines()))
    fit = [lines for said, lines in found if re.search(WORDS[licence], said)]
    pattern = r"\s*(?:This Font Software is )?(?:Copyright\b.*\d{4}|    John Sauter).*"
    loose = [line for line in text.splitlines() if re.match(pattern, line)]
    for lines in (*fit, *(lines for _, lines in found), loose):
        said = [who for who in map(holder, lines) if who]
        if said:
            return "; ".join(dict.fromkeys(said))
    raise ValueError("nobody is named")


def holder(line: str) -> str:
    """Years and name of a line, or "" if it names nobody."""
    line = re.sub(r"<[^>]*>|\S+@\S+|https?://\S+|\(?www\.\S*", "", line)
    line = re.sub(r"(?i)copyright|\(c\)|©|all rights reserved|this font software is", "", line)
    line = re.sub(r"\s+(?=,)|(?<=\s)\s+", "", line).strip(" \t,.;:-|(")
    return line if re.search("[A-Za-z]{3}", line) and not line.startswith("with Reserved") else ""


def name_of(font: ImageFont.FreeTypeFont) -> str:
    """Family and style, without the mark of their maker and what goes without saying."""
    name = " ".join(part for part in font.getname() if part).replace("?", "Ae", 1)
    name = re.sub(r"\s+", " ", name.replace(" BRK", "")).strip()
    return re.sub(r" (Regular|Normal)$", "", name)


def alphabet(path: Path) -> tuple[np.ndarray | None, str]:
    """A to Z of a font, (26, 64, 64), and its name; or None, and why it is left out."""
    basic, unit, side = ImageFont.Layout.BASIC, 1000, TILE * UP
    try:
        font = ImageFont.truetype(path, unit, layout_engine=basic)
    except OSError:
        return None, "FreeType cannot read it"
    _, top, _, bottom = font.getbbox("H", anchor="ls")
    if bottom - top < unit / 10:
        return None, "it has no H"
    font = ImageFont.truetype(path, unit * CAP * UP / (bottom - top), layout_engine=basic)
    line = BASE * UP - font.getbbox("H", anchor="ls")[3]
    tiles = []
    for letter in LETTERS:
        left, top, right, bottom = font.getbbox(letter, anchor="ls")
        if not UP < right - left <= side - UP or line + top < 0 or line + bottom > side:
            return None, f"{letter} does not fit"
        image = Image.new("L", (side, side), 255)
        place = ((side - right + left) / 2 - left, line)
        ImageDraw.Draw(image).text(place, letter, font=font, fill=0, anchor="ls")
        tiles.append(np.asarray(image.reduce(UP)))
    ink = (np.stack(tiles) < 128).mean((1, 2))
    if len({tile.tobytes() for tile in tiles}) < 26 or ink.min() < 0.01 or ink.max() > 0.7:
        return None, "not 26 letters, or hairlines, or blocks"
    return np.stack(tiles), name_of(font)


def begins(name: str, words: str) -> bool:
    """Whether ``name`` begins with one of ``words``, in which _ is a space."""
    found = [re.escape(word.replace("_", " ")) for word in words.split()]
    return bool(re.match(rf"({'|'.join(found)})(?![a-z])", name))


def collect(folder: Path) -> tuple[list[dict], np.ndarray]:
    """The fonts that are letters, and their alphabets, (n, 26, 64, 64)."""
    rows, alphabets = {}, []
    for licence, packages in PACKAGES.items():
        for package, version in (word.split("=") for word in packages.split()):
            package = f"fonts-{package}"
            root = unpack(package, version, folder)
            text = (root / "usr/share/doc" / package / "copyright").read_text("utf-8")
            assert re.search(WORDS[licence], text), f"{package} is not {licence}"
            of = {"package": package, "version": version, "licence": licence}
            of["by"] = holders(text, licence)
            files = [p for p in sorted(root.rglob("*")) if p.suffix.lower() in (".ttf", ".otf")]
            for path in (path for path in files if not path.is_symlink()):
                tiles, name = alphabet(path)
                reasons = [why for why, names in LEFT_OUT.items() if spaced(name, names)]
                if tiles is None or reasons:
                    print(f"{package} {path.name}: {name} {' '.join(reasons)}")
                    continue
                name = f"{name} ({path.stem})" if name in rows else name
                if name in rows:  # in two formats
                    continue
                rows[name] = {"name": name, "file": path.name} | of
                alphabets.append(tiles)
    return [*rows.values()], np.stack(alphabets)


def spaced(name: str, names: str) -> bool:
    return name in [word.replace("_", " ") for word in names.split()]


def differences(alphabets: np.ndarray) -> np.ndarray:
    """Of each two alphabets at 16 px, of the ink of both: 0 are equal, 1 have no ink in common."""
    small = F.avg_pool2d(1 - torch.from_numpy(alphabets).float() / 255, 4).flatten(1)
    ink = small.sum(1)
    return (torch.cdist(small, small, p=1) / (ink[:, None] + ink)).numpy()


def first_word(name: str) -> str:
    words = [word for word in re.findall("[a-z]+", name.lower()) if word not in MAKERS]
    return words[0] if words else name


def families(rows: list[dict], apart: np.ndarray) -> list[str]:
    """A name for each font, of those whose names begin alike, or that are nearly alike."""
    family = [first_word(row["name"]) for row in rows]
    for i, j in zip(*np.nonzero(np.triu(apart < ALIKE, 1)), strict=True):
        one, other = sorted((family[i], family[j]))
        family = [one if each == other else each for each in family]
    return family


def kind_of(name: str) -> str:
    if begins(name, SCRIPT):
        return "script"
    return "sans" if begins(name, SANS) and not re.search(NOT_SANS, name) else "other"


def split(rows: list[dict]) -> None:
    """Give each font its ``split``, whole families at a time, and equal shares of each kind."""
    members: dict[str, list[dict]] = {}
    for row in rows:
        members.setdefault(row["family"], []).append(row)
    order = sorted(members, key=lambda family: sha256(family.encode()).digest())
    kinds = [row["kind"] for row in rows]
    wanted = {kind: share * kinds.count(kind) for kind, share in SHARES.items()}
    counts = {(part, kind): 0 for part in ("val", "test") for kind in wanted}
    plain = next(row["family"] for row in rows if row["name"] == PLAIN)
    for family in order:
        fonts = members[family]
        kind = next(kind for kind in wanted if any(r["kind"] == kind for r in fonts))
        part = min(("val", "test"), key=lambda part: counts[part, kind])
        if family == plain or len(fonts) > LARGE or counts[part, kind] >= wanted[kind]:
            part = "train"
        else:
            counts[part, kind] += sum(row["kind"] == kind for row in fonts)
        for row in fonts:
            row["split"] = "plain" if row["name"] == PLAIN else part


def store(alphabets: np.ndarray, path: Path) -> None:
    """A sheet of alphabets, (n, 26, 64, 64), in few greys, without loss from there on."""
    tiles = alphabets.reshape(-1, TILE, TILE)
    tiles = np.pad(tiles, ((0, -len(tiles) % COLUMNS), (0, 0), (0, 0)), constant_values=255)
    sheet = tiles.reshape(-1, COLUMNS, TILE, TILE).transpose(0, 2, 1, 3)
    sheet = sheet.reshape(-1, COLUMNS * TILE)
    steps = 255 // (LEVELS - 1)
    greys = ((sheet.astype(int) + steps // 2) // steps * steps).astype(np.uint8)
    Image.fromarray(greys).convert("RGB").save(path, lossless=True, quality=50, method=4)


def build(folder: Path) -> None:
    rows, alphabets = collect(folder)
    apart = differences(alphabets)
    # the plain font comes first, so that no twin of it does
    order = sorted(range(len(rows)), key=lambda i: rows[i]["name"] != PLAIN)
    once: list[int] = []
    for i in order:
        near = once[int(apart[i, once].argmin())] if once else i
        if near != i and apart[i, near] < TWINS:
            print(f"{rows[i]['name']}: as {rows[near]['name']}")
        else:
            once.append(i)
    rows, alphabets = [rows[i] for i in once], alphabets[once]
    for row, family in zip(rows, families(rows, apart[np.ix_(once, once)]), strict=True):
        row |= {"family": family, "kind": kind_of(row["name"])}
    split(rows)
    FILES.mkdir(exist_ok=True)
    for old in FILES.iterdir():
        old.unlink()
    order = []
    for part in ("plain", "train", "val", "test"):
        inside = [i for i, row in enumerate(rows) if row["split"] == part]
        inside.sort(key=lambda i: sha256(rows[i]["name"].encode()).digest())
        store(alphabets[inside], FILES / f"{part}.webp")
        order += inside
    rows = [rows[i] for i in order]
    text = listed(rows)
    write([{k: v for k, v in row.items() if k != "by"} for row in rows], "letters", FILES, text)


INTRO = """# The fonts whose letters are shown, their authors and licences

The course ships pictures of letters, 64 px large, and none of the fonts. Each picture was drawn
with a font of one of these packages of Debian by `tools/making/letters.py`, which wrote this
list: A to Z, H 38 px high, in 16 greys. Which font is in which package:
`course_lib/data/letters_files/letters.json`. Left out are packages whose licence is not clearly
free, or says nothing of pictures (the script says which, and why). The authors of the fonts
endorse neither the pictures nor the course. Who wants the fonts takes them from Debian, under
these licences.

- **OFL-1.1** ([text](OFL-1.1.txt)): "The requirement for fonts to remain under this license does
  not apply to any document created using the Font Software."
- **Apache-2.0** ([text](Apache-2.0.txt)) and **MIT** (the text of [LICENSE](../LICENSE) with the
  names below): free to use, to change and to pass on with the notice, which this list is.
- **GPL-2.0-or-later** and **GPL-3.0-or-later**, both **WITH Font-exception-2.0** (texts:
  [2](GPL-2.0-or-later.txt), [3](GPL-3.0.txt)): the exception below is for documents.
- **public-domain**: no text, and nothing is asked.
- **LicenseRef-aenigma** ([text](aenigma.txt)): "you can use them any way you want to (Personal
  use, Commercial use, or whatever)", changes noted and the fonts attributed to their author.

The exception: "As a special exception, if you create a document which uses this font, and embed
this font or unaltered portions of this font into the document, this font does not by itself cause
the resulting document to be covered by the GNU General Public License. This exception does not
however invalidate any other reasons why the document might be covered by the GNU General Public
License. If you modify this font, you may extend this exception to your version of the font, but
you are not obligated to do so. If you do not wish to do so, delete this exception statement from
your version."

| package | version | licence | copyright | fonts here |
|---|---|---|---|---|
"""


def listed(rows: list[dict]) -> str:
    """The list of packages and licences, for people."""
    packages: dict[str, list[dict]] = {}
    for row in sorted(rows, key=lambda row: row["package"]):
        packages.setdefault(row["package"], []).append(row)
    lines = [
        f"| `{name}` | {of[0]['version']} | {of[0]['licence']} | {of[0]['by']} | {len(of)} |"
        for name, of in packages.items()
    ]
    return INTRO + "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(build)
