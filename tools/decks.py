"""Slides of the notebooks, for the room: `make decks`, or `python -m tools.decks 02 06`.

There is no second text to keep. A deck is made of what a notebook stores, in its order: each figure
with its caption, each guess (the cells tagged ``prediction``), each exercise, formula and table,
and *What to keep*. What the page says about a figure becomes the speaker's notes below it. Minutes,
misconceptions and the last three questions come from assignments/lesson_plans.md, with their
answers in the notes.

build/decks/02_pix2pix.html is one file that needs no network; its figures lie beside it, in the
folder 02_pix2pix, as PNG to use elsewhere. ``--check`` opens each deck in Chromium and names the
slides that overflow.
"""

import argparse
import base64
import html
import io
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader
from markdown_it import MarkdownIt
from matplotlib import font_manager, mathtext
from PIL import Image

from tools.tracked import ROOT

OUT = ROOT / "build" / "decks"
PLANS = ROOT / "assignments" / "lesson_plans.md"
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
# What belongs together: code, a fold, a formula, else lines up to an empty one.
BLOCK = re.compile(
    r"\s*(?:```.*?```|<details>.*?</details>|\$\$.*?\$\$|(?:(?!\n\s*\n|\$\$).)+)", re.DOTALL
)
# Code is left as it is; $$ before $.
FORMULA = re.compile(r"(`+).*?\1|\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.DOTALL)
# What the pages write in TeX's words, in those that Matplotlib knows.
IN_MATPLOTLIB = (
    (r"\\ge(?![a-zA-Z])", r"\\geq "),
    (r"\\le(?![a-zA-Z])", r"\\leq "),
    (r"\\[lr]Vert(?![a-zA-Z])", r"\\Vert "),
    (r"\\[lr]vert(?![a-zA-Z])", r"\\vert "),
    (r"\\underbrace\{((?:[^{}]|\{[^{}]*\})*)\}_\{((?:[^{}]|\{[^{}]*\})*)\}", r"[\1]_{\2}"),
    (r"\\[bB]igg?[lrm]?(?![a-zA-Z])", ""),
    (r"\\[td]?frac *([0-9a-zA-Z]) *([0-9a-zA-Z])", r"\\frac{\1}{\2}"),
    (r"\\[td]?frac *([0-9a-zA-Z]) *\{", r"\\frac{\1}{"),
    (r"\\[td]?frac *(\{[^{}]*\}|\\[a-zA-Z]+) *([0-9])", r"\\frac{\1}{\2}"),
    (r"\\[td]frac", r"\\frac"),
    (r"_\\text *\{([^{}]*)\}", r"_{\\mathrm{\1}}"),
    (r"\\(mathcal|mathbb|sqrt|bar|hat) *([a-zA-Z])", r"\\\1{\2}"),
    (r"\s+", " "),
)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\([^)]*\)")
PICTURE = re.compile(r"!\[(.*?)\]\((.+?)\)\Z", re.DOTALL)
ASKED = re.compile(r"\*\*(Question|Exercise \d+ \(\w+\))[^*]*\*\*\s*(.*)", re.DOTALL)
AIMS = re.compile(
    r"\| you will be able to.*?\n.*?\n\|([^|]*)|\*\*You will be able to\*\* (.*)", re.DOTALL
)
LONGEST = 24  # lines of a printed table


@dataclass
class Slide:
    """One slide: its kind, what stands above, HTML, a caption below it, and the speaker's notes."""

    kind: str
    head: str
    body: str = ""
    caption: str = ""
    notes: list[str] = field(default_factory=list)


def in_picture(found: re.Match) -> str:
    """A formula as an image; code, and what Matplotlib cannot draw, as it stands."""
    file, words = io.BytesIO(), found[2] or found[3]
    if not words:
        return found[0]
    alt = html.escape(words).replace("\n", " ")
    for old, new in IN_MATPLOTLIB:
        words = re.sub(old, new, words)
    try:
        size = font_manager.FontProperties(size=12)
        mathtext.math_to_image(f"${words.strip()}$", file, size, format="svg")
    except ValueError:
        return found[0]
    source = base64.b64encode(file.getvalue()).decode()
    style = "display:block;margin:.6em auto" if found[2] else "vertical-align:middle"
    return f'<img alt="{alt}" style="{style}" src="data:image/svg+xml;base64,{source}">'


def rendered(text: str) -> str:
    """Markdown as HTML: formulas are pictures, and links, which lead nowhere from here, text."""
    return MARKDOWN.render(FORMULA.sub(in_picture, LINK.sub(r"\1", text)))


class Deck:
    """The slides of one notebook, in its order; figures are written to ``folder`` on the way."""

    def __init__(self, file: Path, plan: str, folder: Path):
        self.file, self.folder, self.head, self.before = file, folder, "", ""
        self.waiting, self.first, self.asking = [], 0, False
        self.slides: list[Slide] = []
        folder.mkdir(parents=True, exist_ok=True)
        above = ""  # the Markdown cell before, in which a guess is asked for
        for cell in nbformat.read(file, as_version=4).cells:
            if "prediction" in cell.metadata.get("tags", []):
                if "**Predict" in above:  # up to its last question mark, and the table to fill in
                    asked = re.search("[^.*: ].*", above.rpartition("**Predict")[2], re.DOTALL)[0]
                    asked = "\n".join(
                        [
                            asked[: asked.rfind("?") + 1] or asked,
                            "",
                            *re.findall(r"^> (\|.*)$", cell.source, re.MULTILINE),
                        ]
                    )
                    self.add("question", "Predict", rendered(asked[0].upper() + asked[1:]))
            elif cell.cell_type == "markdown":
                above = cell.source
                for block in BLOCK.findall(re.split(r"\*\*Predict(?!.*\*\*Predict)", above)[0]):
                    self.block(block.strip())
            else:
                self.outputs(cell)
        self.slides[0].notes = [rendered(plan.partition("**Ask in class.**")[0])]
        for question in re.findall(r"^\d\. (.+?)(?=\n\d\. |\Z)", plan, re.MULTILINE | re.DOTALL):
            asked, _, answer = question.strip().removesuffix(")").rpartition(" (")
            self.add("question", "Ask in class", rendered(asked))
            self.slides[-1].notes = [rendered(answer)]

    def add(self, kind: str, head: str, body: str) -> None:
        self.slides.append(Slide(kind, head, body, notes=self.waiting))
        self.waiting, self.asking = [], kind in ("exercise", "keep")

    def figure(self, picture: bytes, alt: str) -> None:
        """A figure as a slide of its own, and as a file that presentations can hold."""
        image = Image.open(io.BytesIO(picture))
        image.save(self.folder / f"figure-{len(self.slides) + 1:02}.png")  # with its slide's number
        source = f"data:{image.get_format_mimetype()};base64,{base64.b64encode(picture).decode()}"
        self.add(
            "figure", self.head, f'<img alt="{html.escape(alt)}" class="figure" src="{source}">'
        )

    def outputs(self, cell: nbformat.NotebookNode) -> None:
        """The figures of a code cell, and what it prints, if it is compared or answers a guess."""
        self.first, self.asking = len(self.slides), False
        for output in cell.outputs:
            pictures = [v for k, v in output.get("data", {}).items() if k.startswith("image/")]
            for picture in pictures:
                self.figure(base64.b64decode(picture), cell.metadata.get("alt", ""))
            text = output.get("text", "").strip("\n")
            long = (
                2  # it answers a guess
                if self.slides[-1].kind == "question"
                else 4
                if "nbval-check-output" in cell.metadata.get("tags", [])
                else LONGEST + 1
            )
            if long <= len(text.split("\n")) <= LONGEST:
                self.add("text", self.head, f"<pre>{html.escape(text)}</pre>")

    def block(self, text: str) -> None:
        """One paragraph, formula, table, heading or fold of a Markdown cell."""
        last = self.slides[-1] if self.slides else None
        if text.startswith("#"):
            self.head, self.waiting = text.partition("\n")[0].lstrip("# "), []
            self.before, self.asking = "", False
            if last is None:
                self.add("title", self.head, "")
        elif self.head in ("Recall", "Further", "References") or not text or last is None:
            return  # for reading at home
        elif text.startswith("<details>"):
            if last.kind == "exercise" or last.head == "Question":
                last.notes.append(rendered(re.sub(r"</?details>|<summary>.*?</summary>", "", text)))
        elif found := PICTURE.match(text):
            self.first = len(self.slides)
            self.figure((self.file.parent / found[2]).read_bytes(), found[1])
        elif found := ASKED.match(text):
            self.add("exercise" if " " in found[1] else "question", found[1], rendered(found[2]))
        elif found := AIMS.match(text):
            self.slides[0].body = rendered(
                "Afterwards you can\n\n- "
                + (found[1] or found[2]).strip(" .").replace("; ", "\n- ")
            )
        elif last.kind == "figure" and not last.caption and re.match(r"\*[^*]", text):
            cut = len(text) if text.endswith("*") else text.find(".* ") + 2
            # the pictures of one cell share their caption
            for slide in [s for s in self.slides[self.first :] if s.kind == "figure"]:
                slide.caption = slide.caption or rendered(text[:cut])
            last.notes.append(rendered(text[cut:]))
        elif (self.asking and re.match(r"(- |\d+\. |\(a\)|\|)", text)) or (
            text.startswith("$$") and (last.kind, last.head) == ("formula led", self.head)
        ):
            last.body += rendered(text)
        elif text.startswith(("$$", "```text")) or (text.startswith("|") and last.kind != "title"):
            self.add("formula led" if text.startswith("$$") else "text", self.head, rendered(text))
            self.slides[-1].caption = self.before if text.startswith("$$") else ""
        elif last.kind == "formula led" and text.startswith("In words"):
            last.kind, last.caption = "formula", rendered(text)
        elif text.startswith("> **Take-away") or (
            self.head in ("What to keep", "What you know now") and last.kind != "keep"
        ):
            self.add("keep", self.head, rendered(text.lstrip("> ")))
        elif not text.startswith(("|", "```")):
            self.before = rendered(text)
            (last.notes if last.head == self.head else self.waiting).append(self.before)


def decks(wanted: list[str]) -> Iterator[Path]:
    """Write the decks of the notebooks whose numbers are wanted, or of all."""
    page = Environment(loader=FileSystemLoader(ROOT / "tools"), autoescape=True)
    _, *parts = re.split(r"^## (\w+) · .+$", PLANS.read_text("utf-8"), flags=re.MULTILINE)
    plans = dict(zip(parts[::2], parts[1::2], strict=True))
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        number = file.stem.partition("_")[0]
        if not wanted or number in wanted:
            shutil.rmtree(OUT / file.stem, ignore_errors=True)
            slides = Deck(file, plans.get(number, ""), OUT / file.stem).slides
            out = OUT / f"{file.stem}.html"
            out.write_text(page.get_template("decks.html").render(slides=slides), "utf-8")
            yield out


def check(deck: Path) -> list[str]:
    """The slides of a deck that overflow in Chromium, as lines to print."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(deck.as_uri())
        wrong = page.evaluate("ready.then(() => overflowing())")
        browser.close()
    return [f"{deck.name}: slide {number} overflows" for number in wrong]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="numbers, such as 02; all if none is given")
    parser.add_argument("--check", action="store_true", help="name slides that overflow")
    args = parser.parse_args()
    found = []
    for deck in decks(args.notebooks):
        print(deck.relative_to(ROOT))
        found += check(deck) if args.check else []
    print("\n".join(found))
    sys.exit(bool(found))
