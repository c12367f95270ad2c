"""Links at the head of README that open the course on Colab, Binder and Codespaces: `make badges`.

They lead to the repository that pyproject.toml names in project.urls. While that is no repository
on GitHub there are none, and those of another one go.
"""

import re
import tomllib

from tools.tracked import ROOT

FIRST = "notebooks/00_start_here.ipynb"
BADGES = {  # (where its picture lies, where it leads, of OWNER/NAME)
    "Colab": (
        "https://colab.research.google.com/assets/colab-badge.svg",
        f"https://colab.research.google.com/github/{{}}/blob/main/{FIRST}",
    ),
    "Binder": (
        "https://mybinder.org/badge_logo.svg",
        f"https://mybinder.org/v2/gh/{{}}/main?labpath={FIRST}",
    ),
    "Codespaces": ("https://github.com/codespaces/badge.svg", "https://codespaces.new/{}"),
}
LINE = re.compile(r"(?:\[!\[Open in .*\n\n)?")


def line(address: str) -> str:
    """The badges of a repository, on one line, and an empty one; nothing for any other address."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", address)
    if not found:
        return ""
    shown = (
        f"[![Open in {name}]({picture})]({leads.format(found[1])})"
        for name, (picture, leads) in BADGES.items()
    )
    return " ".join(shown) + "\n\n"


def with_badges(page: str, address: str) -> str:
    """``page`` with the badges of ``address`` below its title, and no others."""
    title, rest = page.split("\n\n", 1)
    return f"{title}\n\n{line(address)}{LINE.sub('', rest, count=1)}"


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    readme, address = ROOT / "README.md", project["urls"]["Repository"]
    readme.write_text(with_badges(readme.read_text(encoding="utf-8"), address), encoding="utf-8")
    what = "badges of" if line(address) else "no badges, as this is not on GitHub:"
    print(f"README: {what} {address}")
