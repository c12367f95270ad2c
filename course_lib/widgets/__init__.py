"""Interactive parts of the notebooks; each a thin shell over a plain function."""
