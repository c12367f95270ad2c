"""nbgrader's settings of this course, for each ``nbgrader`` and ``course grade`` in this folder."""

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import GetGrades

from assignments.grader.lms import TEMPLATES, Feedback, Solutions, as_text

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "gan-translation"

# nbgrader zip_collect PS, with what the platform exports in downloaded/PS/archive/. Canvas names
# the files doejane_4711_1234_ps2.ipynb, doejane_LATE_4711_1234_ps2-1.ipynb: 4711 becomes the
# student's number here.
c.FileNameCollectorPlugin.named_regexp = (
    r".*[\\/](?P<last_name>[^_\\/]+)_(?:LATE_)?(?P<student_id>\d+)_\d+_"
    r"(?P<file_id>[^\\/]+?)(?:-\d+)?\.ipynb$"
)
# Moodle's folders, "Jane Doe_4711_assignsubmission_file/ps2.ipynb":
#   r".*[\\/](?P<last_name>[^_\\/]+)_(?P<student_id>\d+)_assignsubmission_file_?[\\/]"
#   r"(?P<file_id>[^\\/]+)\.ipynb$"

# Late: a tenth of the points a day begun, at most half, from the due date in the grade book
# (nbgrader db assignment add PS --duedate="2027-03-01 18:00 UTC"). For another rule:
#   c.PenaltyPerDay.share = 0.0
#   c.PenaltyPerDay.most = 0.3
c.AssignLatePenalties.plugin_class = "assignments.grader.lms.PenaltyPerDay"

# nbgrader generate_feedback PS: always anew, as a score may have changed with the notebook
# unchanged.
c.GenerateFeedback.force = True
# Answers that wait for a grade say so, and the page asks the network for nothing.
c.GenerateFeedback.preprocessors = [GetGrades, Feedback, CSSHTMLHeaderPreprocessor]
c.HTMLExporter.extra_template_basedirs = TEMPLATES
c.HTMLExporter.filters = {"float": as_text, "round": as_text}

# nbgrader generate_solution PS: solution/PS/PS.ipynb, to hand out once the work is due.
c.GenerateSolution.preprocessors = [Solutions]

# nbgrader export --exporter=assignments.grader.lms.CanvasExport --to canvas.csv
#   c.CanvasExport.roster = "another.csv"
