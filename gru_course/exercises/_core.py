"""What every checker shares: the registry, the result and the comparison of arrays."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

_CHECKERS: dict[str, Callable[[Any], str | None]] = {}


@dataclass(frozen=True)
class Result:
    """The answer to an answer: whether it passed, and one message that says why."""

    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{'passed' if self.passed else 'not yet'}: {self.message}"

    def _repr_html_(self) -> str:
        kind = "passed" if self.passed else "not-yet"
        mark = "✓" if self.passed else "→"
        message = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(self.message))
        return (
            f'<div class="gru-check gru-check-{kind}" role="status">'
            f"<strong>{mark}</strong> {message}</div>"
        )


class Wrong(Exception):
    """Raised by a checker with the sentence that the reader shall see."""


class NotAttempted(Exception):
    """Raised when the answer is still the stub."""


def exercise(name: str):
    """Register a checker: a function that raises Wrong, or returns a sentence of praise."""

    def register(function):
        assert name not in _CHECKERS, f"two checkers are called {name}"
        _CHECKERS[name] = function
        return function

    return register


def check(name: str, answer: Any) -> Result:
    """Check an answer to an exercise.

    Parameters
    ----------
    name : the exercise's name as the chapter gives it, for example "gru.step"
    answer : the function or value that the exercise asks for

    Returns
    -------
    Result with `.passed` and `.message`; it displays itself at the end of a cell

    Raises
    ------
    ValueError : if there is no exercise of this name
    """
    if name not in _CHECKERS:
        raise ValueError(f"name: expected one of {', '.join(sorted(_CHECKERS))}, got {name!r}")
    if answer is None or answer is Ellipsis:
        return Result(False, "Not attempted yet: replace the `...` by your answer.")
    try:
        praise = _CHECKERS[name](answer)
    except NotAttempted:
        return Result(False, "Not attempted yet: replace the `...` by your answer.")
    except Wrong as wrong:
        return Result(False, str(wrong))
    return Result(True, praise or "Right.")


def call(function: Any, *args: Any) -> Any:
    """Call the reader's function; a stub is NotAttempted, an exception a sentence."""
    if not callable(function):
        raise Wrong(f"Expected a function, got {type(function).__name__}.")
    try:
        inspect.signature(function).bind(*args)
    except TypeError as error:
        raise Wrong(
            f"Your function cannot be called with {len(args)} arguments: {error}."
        ) from None
    copies = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        value = function(*args)
    except NotImplementedError:
        raise NotAttempted from None
    except Exception as error:
        raise Wrong(f"Your function raised {type(error).__name__}: {error}") from None
    if value is None or value is Ellipsis:
        raise NotAttempted
    for position, (before, after) in enumerate(zip(copies, args, strict=True)):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=True):
            raise Wrong(f"Your function changed its argument number {position + 1} in place.")
    return value


def compare(what: str, got: Any, wanted: Any, *, rtol: float = 1e-7, atol: float = 1e-9) -> None:
    """Raise Wrong, naming the first index that differs, unless the two agree."""
    wanted = np.asarray(wanted)
    try:
        got = np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        raise Wrong(f"{what}: expected numbers, got {type(got).__name__}.") from None
    if got.shape != wanted.shape:
        raise Wrong(f"{what}: expected shape {wanted.shape}, got {got.shape}.")
    differs = ~np.isclose(got, wanted, rtol=rtol, atol=atol)
    if differs.any():
        index = tuple(int(i) for i in np.argwhere(differs)[0])
        at = f"[{', '.join(map(str, index))}]" if index else ""
        raise Wrong(f"{what}{at}: wanted {wanted[index]:.6g}, got {got[index]:.6g}.")


def matches(got: Any, wrong: Any) -> bool:
    """Whether an answer equals what a known mistake would give."""
    try:
        got, wrong = np.asarray(got), np.asarray(wrong)
    except ValueError:  # a ragged list: `compare` says so
        return False
    numbers = got.dtype.kind in "biufc" and got.shape == wrong.shape
    return numbers and bool(np.allclose(got, wrong, rtol=1e-7, atol=1e-9))
