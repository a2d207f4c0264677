"""Who is faster, side by side: `python -m gru_course.bench`, and `alternate` for chapters."""

from gru_course.bench.machine import processor
from gru_course.bench.timing import alternate

__all__ = ["alternate", "processor"]
