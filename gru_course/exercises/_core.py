"""What every checker shares: the registry, the result and the comparison of arrays."""

from __future__ import annotations

import copy
import html
import inspect
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

LIMIT = 10.0  # seconds for one call of the reader's function
FLOAT32_TOLERANCE = 1e-4, 1e-5  # rtol, atol; sums of float32 in another order differ by less
NOT_ATTEMPTED = "Not attempted yet: replace the `...` by your answer."

Checker = TypeVar("Checker", bound=Callable[[Any], str | None])

_CHECKERS: dict[str, Callable[[Any], str | None]] = {}
_HINTS: dict[str, tuple[str, str]] = {}


@dataclass(frozen=True)
class Result:
    """The answer to an answer: whether it passed, one message that says why, and the hints.

    `hints` are always there for a program to read; only where `shows_hints` is set, that is after
    an attempt that failed, does the result display them.
    """

    passed: bool
    message: str
    hints: tuple[str, ...] = ()
    shows_hints: bool = False

    def __repr__(self) -> str:
        text = f"{'passed' if self.passed else 'not yet'}: {self.message}"
        return f"{text}\nhint: {self.hints[0]}" if self.shows_hints else text

    def _repr_html_(self) -> str:
        kind = "passed" if self.passed else "not-yet"
        mark = "✓" if self.passed else "→"
        hints = "".join(
            f"<details><summary>{which} hint</summary>{_as_html(hint)}</details>"
            for which, hint in zip(("First", "Second"), self.hints, strict=True)
            if self.shows_hints
        )
        return (
            f'<div class="gru-check gru-check-{kind}" role="status">'
            f"<strong>{mark}</strong> {_as_html(self.message)}{hints}</div>"
        )


def _as_html(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


class Wrong(Exception):
    """Raised by a checker with the sentence that the reader will see.

    Where that sentence already says what to try next, `hints=False` keeps it alone.
    """

    def __init__(self, sentence: str, *, hints: bool = True):
        super().__init__(sentence)
        self.hints = hints


class NotAttempted(Exception):
    """Raised when the answer is still the stub."""


class _TimeUp(BaseException):
    """Ends a call; no Exception, so that an `except Exception` of the reader lets it through."""


def exercise(name: str, *, hints: tuple[str, str]) -> Callable[[Checker], Checker]:
    """Register a checker: a function that raises Wrong, or returns a sentence of praise.

    Of the two hints the first is the chapter's; the second is more concrete, but not the answer.
    """

    def register(function):
        assert name not in _CHECKERS, f"two checkers are called {name}"
        _CHECKERS[name], _HINTS[name] = function, hints
        return function

    return register


def names() -> list[str]:
    """List the names of all exercises that `check` knows, sorted.

    Returns
    -------
    list of str, each "chapter.exercise"

    >>> [name for name in names() if name.startswith("gru.")]
    ['gru.bias-for-memory', 'gru.count', 'gru.find-the-bug', 'gru.let-the-input-in', 'gru.negate',
     'gru.step']
    """
    return sorted(_CHECKERS)


def check(name: str, answer: Any) -> Result:
    """Check an answer to an exercise.

    Parameters
    ----------
    name : the exercise's name as the chapter gives it, for example "gru.step"
    answer : the function or value that the exercise asks for

    Returns
    -------
    Result with `.passed`, `.message` and `.hints`; it displays itself at the end of a cell

    Raises
    ------
    ValueError : if there is no exercise of this name

    >>> result = check("gru.count", lambda I, H: 3 * (H * I + H * H + 2 * H))
    >>> result.passed
    True
    >>> check("gru.count", ...)
    not yet: Not attempted yet: replace the `...` by your answer.
    """
    if name not in _CHECKERS:
        raise ValueError(f"name: expected one of {', '.join(names())}, got {name!r}")
    hints = _HINTS[name]
    if answer is None or answer is Ellipsis:
        return Result(False, NOT_ATTEMPTED, hints)
    try:
        praise = _CHECKERS[name](answer)
    except NotAttempted:
        return Result(False, NOT_ATTEMPTED, hints)
    except Wrong as wrong:
        return Result(False, str(wrong), hints, shows_hints=wrong.hints)
    except Exception as error:
        # A checker asks for what it needs; an object that only pretends to be an array ends here.
        sentence = f"Your answer is not of the kind asked for: {_error_text(error)}"
        return Result(False, sentence, hints, shows_hints=True)
    return Result(True, praise or "Right.", hints)


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
    except ValueError:  # NumPy's own functions have no signature: calling them tells
        pass
    before = copy.deepcopy(args)
    try:
        # A naive sigmoid overflows to the right number; what becomes NaN is seen in the result.
        with np.errstate(all="ignore"), _time_limit(LIMIT):
            value = function(*args)
    except NotImplementedError:
        raise NotAttempted from None
    except _TimeUp:
        raise Wrong(
            f"Your function did not return within {LIMIT:g} seconds: does one of its loops never "
            "end?"
        ) from None
    except KeyboardInterrupt:  # the reader's own: they want the cell to stop
        raise
    except BaseException as error:  # SystemExit too
        raise Wrong(f"Your function raised {_error_text(error)}") from None
    for position, (old, new) in enumerate(zip(before, args, strict=True), start=1):
        if not _unchanged(old, new):
            raise Wrong(
                f"Your function changed its argument number {position} in place: copy before you "
                "write."
            )
    if value is None:
        raise nothing_from(function)
    if value is Ellipsis:
        raise NotAttempted
    return value


def nothing_from(function: Any) -> Wrong | NotAttempted:
    """What to raise where a function returned None: only a stub is not attempted."""
    if _computes(function):
        return Wrong("Your function computes something but returns nothing: is `return` missing?")
    return NotAttempted()


def _error_text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": .") + "."


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise _TimeUp in the body after so many seconds, where that is possible.

    Only the main thread of a system with timers can be interrupted. On Windows, in the browser
    (whose `signal` knows SIGALRM and has no timer to send it) and in other threads there is no
    limit, and an endless loop has to be stopped by hand. The same holds for one call into compiled
    code: the signal is seen when it returns.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() != threading.main_thread():
        yield
        return

    def time_up(signum, frame):
        raise _TimeUp

    handler = signal.signal(signal.SIGALRM, time_up)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def _unchanged(before: Any, after: Any) -> bool:
    """Whether an argument still is what it was, to the last array inside it."""
    if isinstance(before, np.ndarray):
        same = isinstance(after, np.ndarray) and before.dtype == after.dtype
        return same and np.array_equal(before, after, equal_nan=True)
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(
            _unchanged(before[k], after[k]) for k in before
        )
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    return True  # numbers and functions cannot change


def _computes(function: Any) -> bool:
    """Whether the body of a function assigns to a name or prints, which no stub does."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    flags = bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    assigns = code.co_nlocals > code.co_argcount + code.co_kwonlyargcount + flags
    return assigns or "print" in code.co_names


def as_float32(value: Any) -> Any:
    """The same arrays, also inside of tuples and lists, as float32."""
    if isinstance(value, np.ndarray):
        return value.astype(np.float32)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(as_float32, value))
    return type(value)(map(as_float32, value)) if isinstance(value, list | tuple) else value


def _close(got: np.ndarray, wanted: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    if wanted.dtype == np.float32:
        rtol, atol = FLOAT32_TOLERANCE
    return np.isclose(got, wanted, rtol=rtol, atol=atol)


def numbers(what: str, got: Any) -> np.ndarray:
    """The reader's numbers as an array of floats, or a sentence on what came instead."""
    try:
        array = np.asarray(got)
    except Exception:  # a ragged list, or whatever the conversion of a foreign object raises
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":  # a text that reads as a number is none either
        kind = "complex ones" if array.dtype.kind == "c" else type(got).__name__
        raise Wrong(f"{what}: expected numbers, got {kind}.")
    return array.astype(float)


def compare(what: str, got: Any, wanted: Any, *, rtol: float = 1e-7, atol: float = 1e-9) -> None:
    """Raise Wrong, naming the first index that differs, unless the two agree."""
    wanted = np.asarray(wanted)
    got = numbers(what, got)
    if got.shape != wanted.shape:
        raise Wrong(f"{what}: expected shape {wanted.shape}, got {got.shape}.")
    differs = ~_close(got, wanted, rtol, atol)
    if differs.any():
        index = tuple(int(i) for i in np.argwhere(differs)[0])
        at = f"[{', '.join(map(str, index))}]" if index else ""
        why = " NaN comes from 0 / 0, inf / inf or 0 * inf." if np.isnan(got[index]) else ""
        raise Wrong(f"{what}{at}: wanted {wanted[index]:.6g}, got {got[index]:.6g}.{why}")


def matches(got: Any, wrong: Any) -> bool:
    """Whether an answer equals what a known mistake would give."""
    try:
        got, wrong = numbers("", got), np.asarray(wrong)
    except Wrong:  # `compare` says so
        return False
    return got.shape == wrong.shape and bool(_close(got, wrong, 1e-7, 1e-9).all())
