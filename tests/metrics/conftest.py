"""What every test of a metric gets: a cache of torch without weights, so that this machine's changes nothing."""

import pytest
import torch


@pytest.fixture(autouse=True)
def torch_cache(monkeypatch, tmp_path):
    """Where weights would lie."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    return tmp_path / "hub/checkpoints"
