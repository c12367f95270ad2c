"""The notebooks of the problem sets: metadata for nbgrader, points, what students get, a run."""

import re
import shutil

import nbformat
import pytest
from checks import bundle
from nbclient import NotebookClient

from tests import ROOT
from tests.support.problem_sets import LONG, SETS, answers, checks, grade, notebook, totals
from tests.support.processes import python
from tests.support.toy_course import nbgrader


@pytest.mark.parametrize("ps", SETS)
def test_notebook_metadata_is_complete_and_its_points_are_those_of_the_checks(ps):
    nb = notebook(ps)
    nbformat.validate(nb)
    facts = [cell.metadata.nbgrader for cell in nb.cells]
    assert len({fact.grade_id for fact in facts}) == len(facts)
    autograded = {f.grade_id: f.points for f in facts if f.grade and not f.solution}
    assert autograded == {f"test_{name}": n for name, n in totals(ps).items()}
    for cell, fact in zip(nb.cells, facts, strict=True):
        assert fact.schema_version == 3 and fact.cell_type == cell.cell_type
        assert (
            ("points" in fact) == fact.grade
            and fact.locked == (not fact.solution)
            and not fact.task
        )
        if fact.grade and not fact.solution:
            assert cell.source == f'check("{fact.grade_id.removeprefix("test_")}")'
        if fact.solution and cell.cell_type == "code":
            marks = cell.source.count("### BEGIN SOLUTION"), cell.source.count("### END SOLUTION")
            assert marks[0] == marks[1] >= 1
            assert fact.grade or fact.grade_id in checks.FUNCTIONS[ps]  # by a person, or by checks
    stated = int(re.search(r"\*\*Points:\*\* (\d+)", nb.cells[0].source)[1])
    assert stated == sum(fact.points for fact in facts if fact.grade)
    assert all(not cell.get("outputs") for cell in nb.cells)


@pytest.mark.parametrize("ps", LONG)
def test_solutions_get_full_marks_and_the_untouched_version_none(ps):
    assert grade(ps, answers(ps)) == (sum(totals(ps).values()), ())
    points, findings = grade(ps, answers(ps, blank=True))
    assert points == 0 and len(findings) == len(checks.load(ps))
    assert all(message == "Not written yet." for _, message in findings)
    assert grade(ps, {})[0] == 0  # nothing defined at all


def test_a_check_of_what_is_not_there_says_so():
    with pytest.raises(AssertionError, match="not defined"):
        checks.check("gan_step")  # looks in the caller's names
    with pytest.raises(ValueError, match="no graded function"):
        checks.check("generator_los")


@pytest.mark.slow
def test_students_get_checks_without_the_code_of_the_answers(tmp_path):
    bundle.bundle("ps1", tmp_path)
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")]
    assert "checks/visible/ps1.json" in files
    for word in ("loss_cases", "reference", "ps2", "checks/ps1"):
        assert not any(word in name for name in files), word
    hidden = [item.name for item in checks.load("ps1") if not item.visible]
    shipped = "".join((tmp_path / name).read_text(encoding="utf-8") for name in files)
    assert not any(word in shipped for word in [*hidden, "softplus"])
    code = "from checks import check\n"
    code += "generator_loss = lambda a: -a.sigmoid().log().mean()\ncheck('generator_loss')"
    done = python(code, cwd=tmp_path)
    assert done.returncode == 1 and "rounded sigmoid" in done.stderr
    assert "0 of 1 points" in done.stdout


TWO = [pytest.param(ps, marks=[pytest.mark.extra] * (ps not in ("ps2", "ps5"))) for ps in SETS]


@pytest.mark.slow
@pytest.mark.parametrize("ps", TWO)
def test_notebooks_run_from_top_to_bottom_without_a_word_on_stderr(ps, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'assignments'}:{ROOT}")
    nb = notebook(ps)
    shorter = {"steps=250": "steps=5", "steps=220": "steps=5", "range(701)": "range(7)"}
    shorter |= {
        "(0, 100, 300, 700)": "(0, 2, 4, 6)",
        "minutes, drawing = 5": "minutes, drawing = 0.02",
        "minutes, photograph = 5": "minutes, photograph = 0.02",
    }
    for cell in nb.cells:
        for long, short in shorter.items():
            cell.source = cell.source.replace(long, short)
    NotebookClient(nb, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [out for cell in nb.cells for out in cell.get("outputs", [])]
    assert [out.text for out in outputs if out.get("name") == "stderr"] == []
    text = "".join(out.text for out in outputs if out.get("name") == "stdout")
    assert text.count("all visible checks pass") == len(checks.FUNCTIONS[ps])


@pytest.mark.slow
def test_nbgrader_makes_a_release_without_solutions_of_every_problem_set(tmp_path):
    pytest.importorskip("nbgrader", reason="nbgrader is not installed")
    shutil.copytree(ROOT / "assignments" / "source", tmp_path / "source")
    for ps in SETS:
        nbgrader(tmp_path, "generate_assignment", ps)
        made = nbformat.read(tmp_path / "release" / ps / f"{ps}.ipynb", 4)
        for cell, before in zip(made.cells, notebook(ps).cells, strict=True):
            facts = cell.metadata.nbgrader
            assert facts.get("points") == before.metadata.nbgrader.get("points")
            assert "SOLUTION" not in cell.source
            if facts.solution and cell.cell_type == "code":
                assert "raise NotImplementedError()" in cell.source
            if facts.solution and cell.cell_type == "markdown":
                assert cell.source == "YOUR ANSWER HERE"
