"""The course as nbgrader sees it; ``assignments.grader`` is the part that is installed."""
