"""The one error a user of the course can cause."""


class CourseError(Exception):
    """Something the user can mend: ``what`` is wrong, ``where`` it is, and how to ``fix`` it.

    The command line prints the three on a line each and exits with status 2.
    """

    def __init__(self, what: str, where: object, fix: str):
        self.what, self.where, self.fix = str(what), str(where), str(fix)
        super().__init__(f"{self.what}\n  where: {self.where}\n  fix: {self.fix}")
