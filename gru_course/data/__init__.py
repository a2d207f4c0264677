"""Sequences to learn from, as plain NumPy arrays: measurements, image rows, sound, text and tasks;
and weights that other programs wrote, or that were trained once.

Nothing here imports torch, and nothing draws random numbers except from the generator it is given.
"""

from gru_course.data.foreign import foreign_gru
from gru_course.data.measured import digits, sunspots
from gru_course.data.readers import bracket_reader
from gru_course.data.series import tone, windows
from gru_course.data.tasks import (
    delayed_echo,
    latched_bit,
    running_count,
    running_parity,
)
from gru_course.data.text import CHARACTER_KINDS, bracket_depth, character_kinds, source_code

__all__ = [
    "CHARACTER_KINDS",
    "bracket_depth",
    "bracket_reader",
    "character_kinds",
    "delayed_echo",
    "digits",
    "foreign_gru",
    "latched_bit",
    "running_count",
    "running_parity",
    "source_code",
    "sunspots",
    "tone",
    "windows",
]
