"""``course viva``: :mod:`.changes` changes a student's own code, :mod:`.ask` finds questions on it,
:mod:`.page` shows them.
"""
