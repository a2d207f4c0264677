"""Source code as a sequence: the text, its characters by kind, and how many brackets are open."""

from importlib.resources import files

import numpy as np

OPENING, CLOSING = "([{", ")]}"
# One input each; letters count with the underscore, and what is left over comes last.
CHARACTER_KINDS = (
    *OPENING,
    *CLOSING,
    "quote",
    "newline",
    "space",
    "letter",
    "digit",
    "other",
)


def source_code(part: str) -> str:
    """A piece of Python source code, kept as it was so that results do not change with versions.

    Parameters
    ----------
    part : "train" for 34,912 characters or "test" for 10,594 others

    Returns
    -------
    str, in which every bracket that opens is closed

    Raises
    ------
    ValueError : if there is no such part

    Notes
    -----
    Files of this package as they were in November 2026: convert.py, nn/cells.py and
    reference/recurrent.py to train on, training/loop.py to test with.

    >>> source_code("test").splitlines()[2]
    'import math'
    """
    if part not in ("train", "test"):
        raise ValueError(f"part: expected train or test, got {part!r}")
    text = (files("gru_course.data") / "source_code.txt").read_text("utf8")
    return dict(zip(("train", "test"), text.split("\f"), strict=True))[part]


def character_kinds(text: str) -> np.ndarray:
    """Each character as a one-hot row: which of the six brackets, or which kind of character.

    Parameters
    ----------
    text : str, at least one character

    Returns
    -------
    (T, 12) float64, columns in the order of `CHARACTER_KINDS`: the six brackets, then quote
        (single or double), newline, space, letter (or underscore), digit, other

    Raises
    ------
    ValueError : if text is not such a text

    >>> [CHARACTER_KINDS[k] for k in character_kinds("(a_1)").argmax(axis=1)]
    ['(', 'letter', 'letter', 'digit', ')']
    """
    _check_text(text)
    return np.eye(len(CHARACTER_KINDS))[[CHARACTER_KINDS.index(_kind(c)) for c in text]]


def bracket_depth(text: str) -> np.ndarray:
    """How many brackets are open after each character; brackets in strings and comments count too.

        d_t = d_{t-1} + [c_t opens] - [c_t closes],   d_0 = 0

    Parameters
    ----------
    text : str, at least one character

    Returns
    -------
    (T,) int64, below 0 where more has been closed than opened

    Raises
    ------
    ValueError : if text is not such a text

    >>> bracket_depth("f(a[0])").tolist()
    [0, 1, 1, 2, 2, 1, 0]
    """
    _check_text(text)
    return np.cumsum([(c in OPENING) - (c in CLOSING) for c in text])


def _kind(character):
    if character in OPENING + CLOSING:
        return character
    if character.isalpha() or character == "_":
        return "letter"
    if character.isdigit():
        return "digit"
    return {"\n": "newline", " ": "space", "'": "quote", '"': "quote"}.get(character, "other")


def _check_text(text):
    if not isinstance(text, str) or not text:
        raise ValueError(f"text: expected at least one character, got {text!r}")
