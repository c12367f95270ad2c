"""``python -m course_lib.cli``: the ``course`` command where the script is not on the path."""

from course_lib.cli.course import main

main()
