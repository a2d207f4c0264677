"""Checkers that are tables: cases, what is wanted, and mistakes that readers are known to make."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_course.exercises._core import Wrong, as_float32, call, compare, exercise, matches

TABLES: dict[str, Table] = {}  # by their names, for the tests


@dataclass(frozen=True)
class Table:
    """A checker without code of its own, which registers itself under the exercise's name.

    `wanted` and the mistakes take the arguments of the reader's function and return what it should,
    or what it does with that mistake in it.

    In `what` and in the sentences "{T}" stands for the argument that `wanted` calls T; in the
    sentences "{what}", "{got}" and "{wanted}" stand for what was asked and for the two results.
    """

    name: str
    hints: tuple[str, str]
    cases: Iterable[tuple] | Callable[[], Iterable[tuple]]  # a function where there are arrays
    what: str  # names the result of a case
    wanted: Callable[..., Any]
    mistakes: Mapping[str, Callable[..., Any]]  # by the sentence for the reader; the first answers
    praise: str
    read: Callable[..., Any] | None = None  # (result, *case): what of it is compared, or Wrong
    locate: Callable[..., None] | None = None  # (function, *case): compares parts before the whole
    rtol: float = 1e-7
    atol: float = 1e-9

    def __post_init__(self) -> None:
        TABLES[self.name] = exercise(self.name, hints=self.hints)(self)

    def __call__(self, answer: Any) -> str:
        """Return the praise, or raise Wrong; the loop that all tables share."""
        for case in self.cases() if callable(self.cases) else self.cases:
            got = self._read(call(answer, *case), case)
            wanted = self._read(self.wanted(*case), case)
            if agree(got, wanted):
                continue
            arguments = inspect.signature(self.wanted).bind(*case).arguments
            what = self.what.format(**arguments)
            for sentence, mistake in self.mistakes.items():
                if agree(got, self._read(outcome(mistake, case), case)):
                    raise Wrong(sentence.format(**arguments, what=what, got=got, wanted=wanted))
            if self.locate:
                self.locate(answer, *case)
            compare(what, got, wanted, rtol=self.rtol, atol=self.atol)
        return self.praise

    def _read(self, result: Any, case: tuple) -> Any:
        return self.read(result, *case) if self.read else result


def agree(got: Any, wrong: Any) -> bool:
    """Whether two results are the same, be they arrays or tuples and lists of arrays."""
    if isinstance(wrong, tuple | list):
        return (
            isinstance(got, tuple | list) and len(got) == len(wrong) and all(map(agree, got, wrong))
        )
    return matches(got, wrong)


def refuse(got: Any, mistakes: Iterable[tuple[str, Any]]) -> None:
    """Raise Wrong with the sentence of the first mistake that gives this result."""
    for sentence, wrong in mistakes:
        if agree(got, wrong):
            raise Wrong(sentence)


def tell(what: str, got: Any, wanted: Any, mistakes: Iterable[tuple[str, Any]]) -> None:
    """Raise Wrong unless the two agree: a known mistake's sentence, or what differs first."""
    if not agree(got, wanted):
        refuse(got, mistakes)
        compare(what, got, wanted)


def and_awkward(examples: Iterable[tuple], scale: float = 5000) -> Iterator[tuple]:
    """The examples, whose last entry is params, then the last once more in two awkward forms.

    These are float32, and weights so large that all saturates and a naive exp overflows.
    """
    example: tuple[Any, ...] = ()
    for example in examples:
        yield example
    yield as_float32(example)
    params = example[-1]
    yield *example[:-1], type(params)(*(scale * a for a in params))


def one_array(what: str) -> Callable[..., Any]:
    """What a table may `read`: one array, where a tuple is a likely slip."""

    def read(got: Any, *case: Any) -> Any:
        if isinstance(got, tuple):
            raise Wrong(f"Expected one array, {what}; got a tuple of {len(got)}.")
        return got

    return read


def outcome(mistake: Callable[..., Any], case: tuple) -> Any:
    """What a mistake gives, which agrees with nothing where it cannot be made."""
    try:
        with np.errstate(all="ignore"):
            return mistake(*case)
    except (ArithmeticError, ValueError):  # as a step less than one, or an axis of another length
        return math.nan
