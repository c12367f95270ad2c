"""``course viva``: :mod:`.ask` finds questions on a student's own code, :mod:`.page` shows them."""
