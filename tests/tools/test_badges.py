"""tools/badges.py: one line, for a repository on GitHub, and none for a placeholder."""

import pytest

from tests import ROOT
from tools.badges import with_badges

pytestmark = pytest.mark.extra


def test_badges_come_once_follow_the_address_and_go():
    page = "# Title\n\n![A picture](a.webp)\n"
    here = with_badges(page, "https://github.com/one/course.git")
    assert here.splitlines()[2].count("one/course") == 3 and (ROOT / "environment.yml").exists()
    moved = with_badges(here, "https://github.com/two/course")
    assert moved == here.replace("one/course", "two/course")
    for nowhere in ("https://example.org/gan-translation-course", "https://github.com/one"):
        assert with_badges(moved, nowhere) == page
