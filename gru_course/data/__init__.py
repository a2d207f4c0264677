"""Sequences to learn from, as plain NumPy arrays: measurements, image rows, sound and tasks; and
weights that other programs wrote.

Nothing here imports torch, and nothing draws random numbers except from the generator it is given.
"""

from gru_course.data.foreign import foreign_gru
from gru_course.data.measured import digits, sunspots
from gru_course.data.series import tone, windows
from gru_course.data.tasks import delayed_echo, first_symbol, running_parity

__all__ = [
    "delayed_echo",
    "digits",
    "first_symbol",
    "foreign_gru",
    "running_parity",
    "sunspots",
    "tone",
    "windows",
]
