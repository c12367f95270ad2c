"""What an instructor sees after grading: nbgrader's formgrader in JupyterLab, in a real browser, on
a real course.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")

from hostile import CASES, FULL, write

from assignments.grader import grade
from tests import ROOT
from tests.demo.test_browser import Server, Watch
from tests.support import toy_course
from tests.support.grading_runs import needs_bubblewrap

SCRIPT = (
    "text with <b>markup</b><script>top.owned = 1</script><img src=nowhere onerror='top.owned = 1'>"
)
pytestmark = [pytest.mark.extra, pytest.mark.timeout(600), needs_bubblewrap]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab in a course's folder, after grading."""
    folder = toy_course.make(tmp_path_factory.mktemp("formgrader") / "course")
    shutil.copy(ROOT / "assignments" / "nbgrader_config.py", folder)
    for name in ("right", "untouched", "not-json"):
        handed_in = write(folder, CASES[name], name)
        if name == "right":
            content = json.loads((handed_in / "toy.ipynb").read_text())
            content["cells"].append({"cell_type": "markdown", "metadata": {}, "source": SCRIPT})
            (handed_in / "toy.ipynb").write_text(json.dumps(content))
    grade.run(folder, "toy", tier="bubblewrap", progress=False)
    settings = folder.parent / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTERLAB_WORKSPACES_DIR": "work",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
    }
    own = {name: str(folder.parent / place) for name, place in places.items()}
    own["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ["PATH"]]
    )  # nbgrader calls alembic
    server = Server(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.port=0", "--allow-root"],
        folder,
        r"http://127\.0\.0\.1:\d+/lab\?token=\w+",
        own,
    )
    yield server
    server.stop()


def test_formgrader_shows_assignments_submissions_and_scores(lab, browser, keep):
    watch = Watch(browser, lab)
    page = watch.page
    page.goto(lab.address)
    page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=60_000)
    page.get_by_role("menuitem", name="Nbgrader", exact=True).click(timeout=60_000)
    page.get_by_role("menuitem", name="Formgrader", exact=True).click()
    frame = page.frame_locator("iframe[src*=formgrader]")

    def row(*words: str):
        """The row of a table that holds all the words."""
        found = frame.locator("tbody tr")
        for word in words:
            found = found.filter(has_text=word)
        return found.first

    row("toy").wait_for(timeout=60_000)
    keep(page, "formgrader_assignments")

    frame.get_by_role("link", name="Manual Grading").first.click()
    for place in (
        "toy",
        "toy/toy",
    ):  # by address: three pages one after the other have a row "toy" with a link "toy"
        frame.locator(f"tbody a[href$='/formgrader/gradebook/{place}']").click(timeout=60_000)
    row(f"{FULL} / 12").wait_for(timeout=60_000)
    keep(page, "formgrader_submissions")
    row(f"{FULL} / 12").get_by_role("link").first.click()
    found = (
        frame.locator("pre").filter(has_text="[full] 3 of 3: the loss of real and of fake").first
    )
    found.wait_for(timeout=60_000)
    found.scroll_into_view_if_needed()
    frame.get_by_text("text with < b>markup").first.wait_for()
    assert page.evaluate("window.owned") is None
    keep(page, "formgrader_submission")

    frame.get_by_role("link", name="Manual Grading").first.click()
    frame.get_by_role("link", name="Manage Students").first.click()
    row("right", f"{FULL} / 12").wait_for(timeout=60_000)
    row("untouched", "0 / 12").wait_for()
    row("not-json", "0 / 12").wait_for()
    keep(page, "formgrader_students")
    row("right").get_by_role("link").first.click()
    row("toy", f"{FULL} / 12").wait_for(timeout=60_000)
    keep(page, "formgrader_student")
    raised = [
        text for text in watch.raised if text != "MathJax is not defined"
    ]  # nbgrader's page fetches it elsewhere
    assert not raised and "Traceback" not in lab.log, (raised, lab.log)
    watch.context.close()
