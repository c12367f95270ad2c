"""Slides of the notebooks, for the room: `make decks`, or `python -m tools.decks 02 06`.

There is no second text to keep. A deck is made of what a notebook stores, in its order: each figure
with its caption, each guess (the cells tagged ``prediction``), each exercise, formula and table,
and *What to keep*. What the page says about a figure becomes the speaker's notes below it. Minutes,
misconceptions and the last three questions come from assignments/lesson_plans.md, with their
answers in the notes.

build/decks/02_pix2pix.html is one file that needs no network; its figures lie beside it, in the
folder 02_pix2pix, as PNG or JPEG to use elsewhere. ``--check`` opens each deck in Chromium and
names the slides that overflow; ``--pictures`` also keeps a picture of each slide.
"""

import argparse
import base64
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
from PIL import Image

from assignments.grader.lms import FORMULA, in_picture
from tools.tracked import ROOT

OUT = ROOT / "build" / "decks"
PLANS = ROOT / "assignments" / "lesson_plans.md"
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
# What belongs together: code, a fold, a formula, else lines up to an empty one.
BLOCK = re.compile(
    r"```.*?```|<details>.*?</details>|\$\$.*?\$\$|(?:(?!\n\s*\n|\$\$).)+", re.DOTALL
)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\([^)]*\)")
PICTURE = re.compile(r"!\[(.*?)\]\((.+?)\)\Z", re.DOTALL)
ASKED = re.compile(r"\*\*(Predict|Question|Exercise \d+ \(\w+\))[^*]*\*\*\s*(.*)", re.DOTALL)
LEFT_OUT = ("Recall", "Further", "References")  # for reading at home
LONGEST = 24  # lines of a printed table


@dataclass
class Slide:
    """One slide: its kind, what stands above, HTML, a caption below it, and the speaker's notes."""

    kind: str
    head: str
    body: str = ""
    caption: str = ""
    notes: list[str] = field(default_factory=list)


def rendered(text: str) -> str:
    """Markdown as HTML: formulas are pictures, and links, which lead nowhere from here, text."""
    return MARKDOWN.render(FORMULA.sub(in_picture, LINK.sub(r"\1", text)))


class Deck:
    """The slides of one notebook, in its order; figures are written to ``folder`` on the way."""

    def __init__(self, file: Path, plan: str, folder: Path):
        self.file, self.folder, self.head, self.waiting = file, folder, "", []
        self.slides: list[Slide] = []
        folder.mkdir(parents=True, exist_ok=True)
        above = ""  # the Markdown cell before, in which a guess is asked for
        for cell in nbformat.read(file, as_version=4).cells:
            if "prediction" in cell.metadata.get("tags", []):
                if "**Predict" in above:
                    table = re.findall(r"^> (\|.*)$", cell.source, re.MULTILINE)  # to be filled in
                    asked = above.rpartition("**Predict")[2].lstrip(".*: ")
                    asked = "\n".join([asked[:1].upper() + asked[1:], "", *table])
                    self.add("question", "Predict", rendered(asked))
            elif cell.cell_type == "markdown":
                above = cell.source
                for block in BLOCK.findall(above.rpartition("**Predict")[0] or above):
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
        self.waiting = []

    def figure(self, picture: bytes, alt: str) -> None:
        """A figure as a slide of its own, and as a file that presentations can hold."""
        kind = Image.open(io.BytesIO(picture)).format
        name = f"figure-{sum(slide.kind == 'figure' for slide in self.slides) + 1:02}"
        if kind in ("PNG", "JPEG"):
            (self.folder / f"{name}.{kind.lower()}").write_bytes(picture)
        else:
            Image.open(io.BytesIO(picture)).save(self.folder / f"{name}.png")
        source = f"data:image/{kind.lower()};base64,{base64.b64encode(picture).decode()}"
        told = alt.replace("&", "&amp;").replace('"', "&quot;")
        self.add("figure", self.head, f'<img class="figure" alt="{told}" src="{source}">')

    def outputs(self, cell: nbformat.NotebookNode) -> None:
        """The figures of a code cell, and what it prints, if that is to be compared."""
        for output in cell.outputs:
            pictures = [v for k, v in output.get("data", {}).items() if k.startswith("image/")]
            for picture in pictures:
                self.figure(base64.b64decode(picture), cell.metadata.get("alt", ""))
            text = output.get("text", "").strip("\n")
            printed = "nbval-check-output" in cell.metadata.get("tags", [])
            if printed and 1 < len(text.split("\n")) <= LONGEST:
                told = text.replace("&", "&amp;").replace("<", "&lt;")
                self.add("text", self.head, f"<pre>{told}</pre>")

    def block(self, text: str) -> None:
        """One paragraph, formula, table, heading or fold of a Markdown cell."""
        last = self.slides[-1] if self.slides else None
        if text.startswith("#"):
            self.head, self.waiting = text.partition("\n")[0].lstrip("# "), []
            if last is None:
                self.add("title", self.head, "")
        elif self.head in LEFT_OUT or not text or last is None:
            return
        elif text.startswith("<details>"):
            if last.kind == "question" and last.head == "Question":
                last.notes.append(rendered(re.sub(r"</?details>|<summary>.*?</summary>", "", text)))
        elif found := PICTURE.match(text):
            self.figure((self.file.parent / found[2]).read_bytes(), found[1])
        elif found := ASKED.match(text):
            kind = "exercise" if found[1].startswith("Exercise") else "question"
            self.add(kind, found[1], rendered(found[2]))
        elif last.kind == "figure" and not last.caption and re.match(r"\*[^*]", text):
            cut = len(text) if text.endswith("*") else text.find(".* ") + 2
            last.caption = rendered(text[:cut])
            last.notes.append(rendered(text[cut:]))
        elif text.startswith("$$") and last.kind == "formula" and not last.caption:
            last.body += rendered(text)
        elif text.startswith(("$$", "```text")) or (text.startswith("|") and last.kind != "title"):
            self.add("formula" if text.startswith("$$") else "text", self.head, rendered(text))
        elif last.kind == "formula" and text.startswith("In words"):
            last.caption = rendered(text)
        elif self.head == "What to keep" and last.kind != "keep":
            self.add("keep", self.head, rendered(text))
        elif last.kind == "exercise" and re.match(r"(- |\d+\. |\(a\))", text):
            last.body += rendered(text)
        elif not text.startswith(("|", "```")):
            (last.notes if last.head == self.head else self.waiting).append(rendered(text))


def decks(wanted: list[str]) -> Iterator[Path]:
    """Write the decks of the notebooks whose numbers are wanted, or of all."""
    page = Environment(loader=FileSystemLoader(ROOT / "tools"), autoescape=True)
    _, *parts = re.split(r"^## (\w+) · .+$", PLANS.read_text("utf-8"), flags=re.MULTILINE)
    plans = dict(zip(parts[::2], parts[1::2], strict=True))
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        number = file.stem.partition("_")[0]
        if not wanted or number in wanted:
            for old in (OUT / file.stem).glob("figure-*"):
                old.unlink()
            deck = Deck(file, plans.get(number, ""), OUT / file.stem)
            out = OUT / f"{file.stem}.html"
            out.write_text(page.get_template("decks.html").render(slides=deck.slides), "utf-8")
            yield out


def check(deck: Path, pictures: bool) -> list[str]:
    """The slides of a deck that overflow in Chromium, as lines to print."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(deck.as_uri())
        wrong = page.evaluate("ready.then(() => overflowing())")
        for i in range(page.evaluate("slides.length") if pictures else 0):
            page.evaluate(f"show({i})")
            page.screenshot(path=deck.with_suffix("") / f"slide-{i + 1:02}.png")
        browser.close()
    return [f"{deck.name}: slide {number} overflows" for number in wrong]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="numbers, such as 02; all if none is given")
    parser.add_argument("--check", action="store_true", help="name slides that overflow")
    parser.add_argument("--pictures", action="store_true", help="and keep a picture of each slide")
    args = parser.parse_args()
    found = []
    for deck in decks(args.notebooks):
        print(deck.relative_to(ROOT))
        found += check(deck, args.pictures) if args.check or args.pictures else []
    print("\n".join(found))
    sys.exit(bool(found))
