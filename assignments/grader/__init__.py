"""The isolated grader behind ``course grade``.

One submission's way from ``course grade`` to its report, to be read in this order:
:mod:`.command` takes the options; :mod:`.grade` finds with :mod:`.course` what was handed in, has
:mod:`.notebook` read it, and passes on what is new; :mod:`.grade_one` draws inputs and gives the
job to :mod:`.sandbox`, whose warm process (``child/zygote.py``) forks one locked-up child that
runs the cells and the checks (``child/cells.py``); their messages arrive in :mod:`.inbox`, and
:mod:`.grade_one` judges them. Back in :mod:`.grade`, :mod:`.gradebook` keeps notebook and grades
for nbgrader, and :mod:`.feedback` writes the reports. On the way :mod:`.library` prepares the
library without the graded names, :mod:`.safe` cleans texts, ``child/jail.py`` asks the kernel, and
:mod:`.verdicts` is what a submission got.

Around it: :mod:`.release` makes what students get, :mod:`.handin` is their own check before they
hand in, :mod:`.lms` holds nbgrader's plugins for feedback, solutions, late penalties and Canvas,
:mod:`.viva` asks about a student's own code, :mod:`.bundled` takes all this into the containers of
Gradescope.

What the bubblewrap tier isolates. Every submission gets process, mount, user and IPC namespaces of
its own, inside a sandbox without network whose file system is read-only and holds Python, a
course_lib without the graded names, and the probes. Its scratch space is fresh, it has no
capability and can make no further namespace, and when it ends, however it ends, the kernel ends
every process it started. Its job comes in a file and its results go through a pipe that only it has
open. The process that forks it never reads a job or a result, cannot be seen or traced by it, and
so carries nothing from one submission to the next. Without user namespaces inside the sandbox every
submission gets a sandbox and an import of torch of its own: slower, as strict.

What stays possible. Within one submission all is one trust domain: its code can write any result it
likes, for the inputs it can see. That earns points only if the numbers are right for random inputs
whose expectations never leave the grader, so a check is as strong as its judge: one that asks for a
truth value asks the submission for its opinion. Files in memory that are mapped by no process are
limited in size and number but not in sum: run the grader in a unit with a memory limit
(``systemd-run --scope -p MemoryMax=8G course grade ...``) where that matters. A hole in the kernel
is a hole here. The plain tier protects from accidents only: loops, memory and output, not from
intent.
"""
