"""Exercises that answer back: ``check("gru.step", step)``.

One module a chapter registers its checkers with ``@exercise(name)``; importing this package
imports them all.
"""

from importlib import import_module
from pkgutil import iter_modules

from gru_course.exercises._core import Result, check, names

for _module in iter_modules(__path__):
    if not _module.name.startswith("_"):
        import_module(f"{__name__}.{_module.name}")

__all__ = ["Result", "check", "names"]
