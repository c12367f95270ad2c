"""Experiments: sweeps over grids, claims judged by their tables, and what steps cost."""
