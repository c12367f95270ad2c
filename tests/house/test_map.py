"""The map of the house names what exists: every room, every file, every layer."""

import re
import tomllib

from tests import ROOT

PAGE = ROOT / "notebooks" / "guide" / "house.md"
TEXT = PAGE.read_text(encoding="utf-8")
PROSE = re.sub(r"```python\n.*?```", "", TEXT, flags=re.DOTALL).partition("Save it as")[
    0
]  # then: a reader's files


def test_every_file_and_folder_on_the_page_exists():
    named = set(re.findall(r"`([\w/]+(?:/|\.py))`", PROSE)) | set(
        re.findall(r"`([\w/]+\.py)`\]", PROSE)
    )
    assert len(named) > 20
    places = (ROOT / "course_lib", ROOT)
    assert [
        name for name in sorted(named) if not any((place / name).exists() for place in places)
    ] == []
    linked = re.findall(r"\]\(([^)#]+)\)", PROSE)
    assert linked and [link for link in linked if not (PAGE.parent / link).exists()] == []


def test_every_room_is_on_the_page_in_the_order_of_the_contract():
    rooms = {
        path.name for path in (ROOT / "course_lib").iterdir() if (path / "__init__.py").is_file()
    }
    assert set(re.findall(r"^\| `(\w+)(?:/|\.py)`", PROSE, re.MULTILINE)) == rooms | {
        "losses",
        "errors",
    }
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    drawn = re.search(r"(?:^    \w+\n)+", PROSE, re.MULTILINE)[0].split()
    assert drawn == [layer.rpartition(".")[2] for layer in layers]
