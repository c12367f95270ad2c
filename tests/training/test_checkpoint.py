"""Checkpoints: all or nothing, every bit accounted for, nothing unpickled."""

import pytest
import torch

from course_lib import CourseError
from course_lib.data import files
from course_lib.training import checkpoint

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.randn(4, 4).to(memory_format=torch.contiguous_format)}


def test_round_trip_is_exact(tmp_path):
    state = {"seconds": 0.1 + 0.2, "shown": 3}
    checkpoint.save(tmp_path, 7, TENSORS, state)
    step, tensors, loaded = checkpoint.load_latest(tmp_path)
    assert step == 7 and loaded == state
    assert all(torch.equal(tensors[k], v) for k, v in TENSORS.items())


def test_damaged_one_falls_back_with_a_warning(tmp_path):
    checkpoint.save(tmp_path, 1, TENSORS, {})
    path = checkpoint.save(tmp_path, 2, TENSORS, {}) / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.warns(UserWarning, match="damaged"):
        assert checkpoint.load_latest(tmp_path)[0] == 1
    (tmp_path / "00000001" / "state.json").write_bytes(b"")
    with pytest.warns(UserWarning), pytest.raises(CourseError, match="no checkpoint here is readable"):
        checkpoint.load_latest(tmp_path)


def test_replace_file_is_all_or_nothing(tmp_path):
    path = tmp_path / "f.json"
    files.replace_file(path, b"one")
    files.replace_file(path, b"two")
    assert path.read_bytes() == b"two" and [p.name for p in tmp_path.iterdir()] == ["f.json"]
