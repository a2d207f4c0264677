"""Gated recurrent networks, from a NumPy reference to torch, for the GRU course.

Importing this package is cheap: it imports neither torch nor matplotlib. Import the part that you
need, for example ``from gru_course.reference import gru``.
"""

__version__ = "0.1.0"
