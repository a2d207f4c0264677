"""Exercises that answer back: ``check("gru.step", step)``.

One module a chapter registers its checkers with ``@exercise(name)``; importing this package
imports them all.
"""

from gru_course.exercises._core import Result, check

__all__ = ["Result", "check"]
