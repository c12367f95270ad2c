"""The part of a check that runs next to the student's code.

Knows no expectations; imports none of ``checks.psN``.
"""
