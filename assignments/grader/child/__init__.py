"""What runs inside the sandbox. Copied there as the package ``grading_child``; imports nothing of
course_lib.
"""
