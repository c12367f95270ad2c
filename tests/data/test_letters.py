"""The shipped letters: whose fonts they are, and what the tasks give of them."""

import pytest
import torch

from course_lib.data import letters, open_dataset
from course_lib.data.letters import FILES, LETTERS, TASKS, entries, sheet
from tests import ROOT


def test_each_font_is_listed_with_its_licence_and_each_family_is_in_one_split():
    listed = (ROOT / "LICENSES" / "letters.md").read_text(encoding="utf-8")
    splits = {entry["split"] for entry in entries()}
    sheets = {FILES / f"{split}.webp" for split in splits}
    assert {*FILES.iterdir()} == {FILES / "letters.json", *sheets} and len(splits) == 4
    assert sum(path.stat().st_size for path in FILES.iterdir()) < 5_000_000
    for entry in entries():
        told = f"| `{entry['package']}` | {entry['version']} | {entry['licence']} |"
        assert told in listed, entry
    assert len({entry["name"] for entry in entries()}) == len(entries()) > 800
    parts = {(entry["family"], entry["split"]) for entry in entries()[1:]}
    assert len(parts) == len({family for family, _ in parts})


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", TASKS)
def test_a_pair_is_one_letter(name, split):
    """In training of letters:a-to-b, any letter."""
    data, kinds = open_dataset(name, split, letters.TILE), {e["name"]: e["kind"] for e in entries()}
    tiles = sheet(split)[:, :, None].expand(-1, -1, 3, -1, -1) / 127.5 - 1
    assert len(data) % 26 == 0 and not data.mirrors
    for i in (0, 27, len(data) - 1):
        item = data[i]
        font, letter = item["font"], item["letter"]
        drawn = tiles[sum(entry["split"] == split for entry in entries()[:font])]
        found = [k for k in range(26) if torch.equal(item["y"], drawn[k])]
        named, _, last = item["name"].rpartition(" ")
        assert len(found) == 1 and last == LETTERS[letter] and entries()[font]["split"] == split
        assert found == [letter] or not data.paired
        if name == "letters":
            assert torch.equal(item["x"], item["y"])
        elif name == "letters:many":
            assert torch.equal(item["x"][0], sheet("plain")[0, letter] / 127.5 - 1)
        else:
            assert (kinds[named], entries()[font]["kind"]) == ("sans", "script")
