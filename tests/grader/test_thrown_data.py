"""Whatever a submission returns, prints, raises or hands in, the grader goes on. 500 examples each:
``make soak``.
"""

import os

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed")
if os.name != "posix":
    pytest.skip("the grader needs fork", allow_module_level=True)


from assignments.grader import safe
from tests.support import thrown_data


@pytest.mark.parametrize("place", thrown_data.PLACES)
def test_a_few_examples_at_each_place(released, tmp_path, place):
    thrown_data.at(place, released, tmp_path, 10)


def test_text_keeps_what_is_text():
    assert safe.block("é \U0001f600\tx\r\ny\rz") == "é \U0001f600\tx\ny\nz"
    assert (
        safe.line("a\nb\x1b[2J\ud83d") == "a b\ufffd[2J\ufffd" and safe.line("x" * 2000, 3) == "xxx"
    )
    assert safe.encodable("'\x1b\ud83d'") == "'\x1b\ufffd'"
    assert safe.data({"\ud83d": [1, None, {"a": "\x00"}]}) == {"\ufffd": [1, None, {"a": "\ufffd"}]}
    with pytest.raises(ValueError, match="too deeply nested"):
        safe.data([[[1]]], depth=2)
