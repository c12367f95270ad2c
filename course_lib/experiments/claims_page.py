"""How the verdict on a claim looks, on the page of all claims and in figures.

``tools/claims.py`` writes the page; the verdicts are those of
:mod:`course_lib.experiments.claims`.
"""

from course_lib.experiments.claims import OPEN, OPPOSITE, SAME
from course_lib.plotting import COLOURS

# A sign for the page, and what matplotlib's errorbar() takes.
LOOKS = {
    SAME: ("●", {"fmt": "o", "color": COLOURS[0]}),
    OPPOSITE: ("◆", {"fmt": "D", "color": COLOURS[1]}),
    OPEN: ("○", {"fmt": "o", "color": "0.45", "mfc": "white"}),
}
