"""Experiments: sweeps over grids, claims decided by their tables, and what steps cost."""
