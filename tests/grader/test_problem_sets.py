"""The notebooks of the problem sets: metadata for nbgrader, points, what students get, and a clean
run.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from checks import bundle
from nbclient import NotebookClient

from tests import ROOT
from tests.support.problem_sets import LONG, SETS, answers, checks, grade, notebook


@pytest.mark.parametrize("ps", SETS)
def test_notebook_metadata_is_complete_and_its_points_are_those_of_the_checks(ps):
    nb = notebook(ps)
    nbformat.validate(nb)
    facts = [cell.metadata.nbgrader for cell in nb.cells]
    assert len({fact.grade_id for fact in facts}) == len(facts)
    autograded = {f.grade_id: f.points for f in facts if f.grade and not f.solution}
    assert autograded == {f"test_{name}": n for name, n in checks.points(ps).items()}
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
            assert fact.grade_id in checks.FUNCTIONS[ps]
            assert (
                cell.source.count("### BEGIN SOLUTION")
                == cell.source.count("### END SOLUTION")
                >= 1
            )
    stated = int(re.search(r"\*\*Points:\*\* (\d+)", nb.cells[0].source)[1])
    assert stated == sum(fact.points for fact in facts if fact.grade)
    assert all(not cell.get("outputs") for cell in nb.cells)


@pytest.mark.parametrize("ps", LONG)
def test_solutions_get_full_marks_and_the_untouched_version_none(ps):
    assert grade(ps, answers(ps)) == (sum(checks.points(ps).values()), ())
    points, findings = grade(ps, answers(ps, blank=True))
    assert points == 0 and len(findings) == len(checks.load(ps))
    assert all(message == "Not written yet." for _, message in findings)
    assert grade(ps, {})[0] == 0  # nothing defined at all


def test_check_prints_what_it_finds_and_raises_if_points_are_missing(capsys):
    generator_loss = answers("ps1")["generator_loss"]
    checks.check("generator_loss", {"generator_loss": generator_loss})
    out = capsys.readouterr().out
    assert "1 of 1 points: the value" in out and "all visible checks pass" in out
    with pytest.raises(AssertionError, match="sum where a mean"):
        checks.check(
            "generator_loss",
            {"generator_loss": lambda logits: generator_loss(logits) * logits.numel()},
        )
    assert "0 of 1 points" in capsys.readouterr().out
    with pytest.raises(AssertionError, match="not defined"):
        checks.check("gan_step")  # looks in the caller's names
    with pytest.raises(ValueError, match="no graded function"):
        checks.check("generator_los")


@pytest.mark.slow
def test_students_get_checks_without_the_code_of_the_answers(tmp_path):
    bundle.bundle("ps1", tmp_path)
    files = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert "checks/visible/ps1.json" in files
    for word in ("loss_cases", "reference", "ps2", "matrix", "corpus", "checks/ps1"):
        assert not any(word in name for name in files), word
    hidden = [item.name for item in checks.load("ps1") if not item.visible]
    shipped = "".join((tmp_path / name).read_text(encoding="utf-8") for name in files)
    assert not any(name in shipped for name in hidden) and "softplus" not in shipped
    code = "from checks import check\ngenerator_loss = lambda a: -a.sigmoid().log().mean()\ncheck('generator_loss')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (
        done.returncode == 1
        and "1 of 1 points: the value" in done.stdout
        and "rounded sigmoid" in done.stderr
    )


@pytest.mark.slow
@pytest.mark.parametrize("ps", SETS)
def test_notebooks_run_from_top_to_bottom_without_a_word_on_stderr(ps, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'assignments'}:{ROOT}")
    nb = notebook(ps)
    shorter = {"steps=250": "steps=5", "steps=220": "steps=5", "range(701)": "range(7)"}
    for cell in nb.cells:
        for long, short in (shorter | {"(0, 100, 300, 700)": "(0, 2, 4, 6)"}).items():
            cell.source = cell.source.replace(long, short)
    NotebookClient(nb, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [(cell.source, out) for cell in nb.cells for out in cell.get("outputs", [])]
    assert [(source, out.text) for source, out in outputs if out.get("name") == "stderr"] == []
    said = "".join(out.text for _, out in outputs if out.get("name") == "stdout")
    assert said.count("all visible checks pass") == len(checks.FUNCTIONS[ps])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("ps", SETS)
def test_nbgrader_makes_a_release_that_its_validation_finds_untouched_and_a_solution_it_finds_right(
    ps, tmp_path
):
    """generate_assignment, then validate: the release fails in every graded cell, the source in
    none.
    """
    pytest.importorskip("nbgrader", reason="nbgrader is not installed")
    (tmp_path / "source" / ps).mkdir(parents=True)
    source = ROOT / "assignments" / "source" / ps / f"{ps}.ipynb"
    shutil.copy(source, tmp_path / "source" / ps)
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'course'\n"
    )
    path = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ["PATH"]]
    )  # nbgrader's alembic
    variables = {**os.environ, "PATH": path, "PYTHONPATH": f"{ROOT / 'assignments'}:{ROOT}"}

    def nbgrader(*words):
        command = [sys.executable, "-m", "nbgrader", *words]
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    nbgrader("generate_assignment", ps)
    release = tmp_path / "release" / ps / f"{ps}.ipynb"
    made = nbformat.read(release, 4)
    assert "SOLUTION" not in release.read_text(encoding="utf-8") and len(made.cells) == len(
        notebook(ps).cells
    )
    for cell, before in zip(made.cells, notebook(ps).cells, strict=True):
        facts = cell.metadata.nbgrader
        assert facts.get("points") == before.metadata.nbgrader.get("points")
        if facts.solution and cell.cell_type == "code":
            assert "raise NotImplementedError()" in cell.source
        if facts.solution and cell.cell_type == "markdown":
            assert cell.source == "YOUR ANSWER HERE"

    if (
        ps != SETS[0]
    ):  # what validation runs is run for each set above, and graded: see the first tests
        return
    shortened = [release, tmp_path / f"{ps}.ipynb"]
    shutil.copy(source, shortened[1])
    for (
        file
    ) in shortened:  # what takes long and is not graded stays out; written answers count as given
        nb = nbformat.read(file, 4)
        nb.cells = [cell for cell in nb.cells if "not-graded" not in cell.metadata.get("tags", [])]
        nbformat.write(nb, file)
    said = nbgrader("validate", str(shortened[0]))
    graded = sum(
        cell.metadata.nbgrader.grade for cell in made.cells
    )  # each function, each written answer
    assert f"VALIDATION FAILED ON {graded} CELL(S)" in said, said
    assert all(f'check("{name}")' in said for name in checks.FUNCTIONS[ps])
    assert "Success! Your notebook passes all the tests." in nbgrader("validate", str(shortened[1]))
