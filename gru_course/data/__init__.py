"""Small sequences to learn from, as plain NumPy arrays."""

from gru_course.data.real import digits, sunspots, windows
from gru_course.data.synthetic import delayed_echo, first_symbol, running_parity, tone

__all__ = [
    "delayed_echo",
    "digits",
    "first_symbol",
    "running_parity",
    "sunspots",
    "tone",
    "windows",
]
