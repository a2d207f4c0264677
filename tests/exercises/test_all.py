"""What holds for every exercise alike, whatever it asks for."""

import copy
import re
import signal
import threading
from contextlib import suppress

import numpy as np
import pytest

from gru_course.exercises import _core, check, names

from . import (
    test_bptt,
    test_conventions,
    test_gates_learn,
    test_gpu,
    test_gradients,
    test_gru,
    test_gru_backward,
    test_lstm,
    test_mingru,
    test_reading_code,
    test_rnn,
    test_sliders,
    test_speed,
)

MODULES = (
    test_bptt,
    test_conventions,
    test_gates_learn,
    test_gpu,
    test_gradients,
    test_gru,
    test_gru_backward,
    test_lstm,
    test_mingru,
    test_reading_code,
    test_rnn,
    test_sliders,
    test_speed,
)
RIGHT = {name: answer for module in MODULES for name, answer in module.RIGHT.items()}
WRONG = {name: answers for module in MODULES for name, answers in module.WRONG.items()}
CODED = [name for name in names() if callable(RIGHT[name])]
NOT_ATTEMPTED = "not yet: Not attempted yet: replace the `...` by your answer."
# What a checker says of a mistake that it does not know.
LOCATED = r".*wanted \S+, got \S+\.|.*[Ee]xpected .*|Your function .*"

every_exercise = pytest.mark.parametrize("name", names())
every_coded_exercise = pytest.mark.parametrize("name", CODED)


def test_each_exercise_is_tried_here():
    assert names() == sorted(RIGHT) == sorted(WRONG)


def refused(name, answer, case=""):
    """The message, a sentence or more, of an answer that did not pass; errors name the `case`."""
    try:
        result = check(name, answer)
    except Exception as error:
        error.add_note(f"{name}: {case}")
        raise
    said = f"{name}: {case or answer}: {result.message}"
    assert not result.passed, said
    assert re.match(r"\S.*[.?)]$", result.message), said
    assert "Traceback" not in result.message, said
    assert "Not attempted" not in result.message, said
    return result.message


@every_exercise
def test_the_solution_passes_and_shows_no_hint(name):
    result = check(name, RIGHT[name])
    assert result.passed, result.message
    assert repr(result) == f"passed: {result.message}"
    assert "<details>" not in result._repr_html_()


def stub(*args): ...


@every_exercise
def test_a_stub_is_not_attempted_and_shows_no_hint(name):
    for answer in [..., None] + [stub, lambda *args: ...] * (name in CODED):
        result = check(name, answer)
        assert not result.passed
        assert repr(result) == NOT_ATTEMPTED
        assert "<details>" not in result._repr_html_()


@every_exercise
def test_five_wrong_answers_are_refused_and_one_is_known(name):
    messages = [refused(name, wrong, f"wrong {i}") for i, wrong in enumerate(WRONG[name])]
    assert len(messages) >= 5
    assert [message for message in messages if not re.fullmatch(LOCATED, message)]


@every_exercise
def test_hints_come_in_two_steps_and_after_a_failed_attempt(name):
    result = check(name, "surely wrong")
    first, second = result.hints
    for hint in result.hints:
        assert re.fullmatch(r"\S.*[.?]", hint), hint
        assert len(hint) >= 30
        assert "$" not in hint, "HTML without MathJax shows this as it stands"
    assert first != second
    assert repr(result).splitlines()[1:] == [f"hint: {first}"]
    page = result._repr_html_()
    assert page.count("<details><summary>") == page.count("</details>") == 2
    assert "First hint" in page
    assert "Second hint" in page


def test_where_the_sentence_leads_on_the_hints_stay_away():
    result = check("rnn.find-the-bugs", lambda *a: test_rnn.end_of_batch(*a, test_rnn.flipped_step))
    assert "Probe the first" in result.message
    assert "\n" not in repr(result)
    assert "<details>" not in result._repr_html_()
    assert len(result.hints) == 2


def test_one_who_finds_some_broken_steps_is_left_to_find_the_others():
    some = check("reading_code.write-a-test", test_reading_code.bounded_only)
    none = check("reading_code.write-a-test", lambda step: True)
    assert (some.shows_hints, none.shows_hints) == (False, True)


# What a function may do that is no answer.


class OwnError(BaseException):
    """Neither an Exception nor an end of the program."""


ERRORS = [ValueError("bad"), SystemExit(), SystemExit(1), RecursionError(), OwnError("own")]


@every_coded_exercise
def test_an_answer_that_raises_is_told(name):
    for error in ERRORS:

        def raises(*args, error=error):
            raise error

        assert f"raised {type(error).__name__}" in refused(name, raises, repr(error))


def test_a_function_without_a_signature_is_called_all_the_same():
    assert "raised TypeError" in refused("gradients.latch", max)


def test_the_readers_own_interrupt_is_no_answer():
    def interrupted(I, H):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("gru.count", interrupted)


class Unwilling:
    """Refuses whatever NumPy or a checker may want of it."""

    def __array__(self, dtype=None, copy=None):
        raise OSError("no array")

    def __eq__(self, other):
        raise OSError("no comparison")

    __hash__ = None


NO_ANSWERS = {
    "a text": "text",
    "a text that reads as a number": "0.5",
    "an object": object(),
    "a hostile object": Unwilling(),
    "a dictionary": {},
    "nothing in a list": [],
    "nothing in a tuple": (),
    "a ragged list": [[1.0], [1.0, 2.0]],
    "a complex number": 1 + 1j,
    "an empty array": np.array([]),
    "texts in an array": np.array(["a"]),
    "objects in an array": np.array([None]),
    "a class": int,
    "a function": max,
}


@every_exercise
def test_an_answer_of_a_wrong_type_gets_a_sentence(name):
    for kind, answer in NO_ANSWERS.items():
        refused(name, answer, kind)
        if name in CODED:
            refused(name, lambda *args, answer=answer: answer, f"a function that returns {kind}")


def mapped(change, value):
    """The value with each leaf changed, in its tuples and lists as they are."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(change, part) for part in value))
    if isinstance(value, list | tuple):
        return type(value)(mapped(change, part) for part in value)
    return change(value)


def leaves(value):
    """The arrays in a value, also inside of tuples and lists."""
    found = []
    mapped(lambda leaf: found.append(leaf) if isinstance(leaf, np.ndarray) else None, value)
    return found


@every_coded_exercise
def test_a_result_whose_parts_have_a_wrong_type_gets_a_sentence(name):
    for kind, part in NO_ANSWERS.items():

        def answers(*args, part=part):
            return mapped(lambda leaf: part, RIGHT[name](*args))

        refused(name, answers, kind)


@every_coded_exercise
def test_a_result_of_the_wrong_shape_gets_a_sentence(name):
    refused(name, lambda *args: mapped(lambda leaf: np.asarray(leaf)[None], RIGHT[name](*args)))


@every_coded_exercise
def test_nan_is_no_answer(name):
    def nan(leaf):
        return np.full(np.shape(leaf), np.nan)[()]

    refused(name, lambda *args: mapped(nan, RIGHT[name](*args)))


@every_coded_exercise
def test_lists_do_as_well_as_arrays(name):
    def as_list(leaf):
        return leaf.tolist() if isinstance(leaf, np.ndarray) else leaf

    result = check(name, lambda *args: mapped(as_list, RIGHT[name](*args)))
    assert result.passed, result.message


@every_coded_exercise
def test_a_forgotten_return_is_told_from_a_stub(name):
    def forgets(*args):
        result = RIGHT[name](*args)
        del result

    assert "is `return` missing" in refused(name, forgets)


def test_printing_is_not_returning():
    def prints(I, H):
        print(RIGHT["gru.count"](I, H))

    assert "is `return` missing" in refused("gru.count", prints)


@every_coded_exercise
def test_a_change_of_any_argument_is_told(name):
    seen = []

    def looks(*args):
        seen.append(len(leaves(args)))
        return RIGHT[name](*args)

    check(name, looks)
    for which in range(seen[0]):

        def changes(*args, which=which):
            result = RIGHT[name](*copy.deepcopy(args))
            leaf = leaves(args)[which]
            leaf[...] = leaf + 1
            return result

        assert "in place: copy before you write" in refused(name, changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["a"].sort(),
        lambda d: d.update(b=1),
        lambda d: d.update(a=0),
        lambda d: d.update(a=d["a"].astype(int)),
    ],
)
def test_a_change_inside_a_dictionary_is_told(change):
    with pytest.raises(_core.Wrong, match="argument number 1 in place"):
        _core.call(lambda d: change(d) or 1, {"a": np.array([2.0, 1.0])})


def test_returning_nothing_after_a_change_is_no_stub():
    def doubles(x, h_prev, params):
        h_prev *= 2

    assert "argument number 2 in place" in refused("gru.step", doubles)


def turns(*args):
    while True:
        pass


def turns_and_swallows(*args):
    while True:
        with suppress(Exception):
            turns()


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no time limit without SIGALRM")
@every_coded_exercise
def test_an_answer_that_never_returns_is_ended(name, monkeypatch):
    monkeypatch.setattr(_core, "LIMIT", 0.2)
    handler = signal.getsignal(signal.SIGALRM)
    for answer in (turns, turns_and_swallows) if name == "gru.step" else (turns,):
        assert "did not return within 0.2 seconds" in refused(name, answer)
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_without_a_limit_an_answer_is_checked_all_the_same():
    results = []
    thread = threading.Thread(target=lambda: results.append(check("gru.count", RIGHT["gru.count"])))
    thread.start()
    thread.join()
    assert results[0].passed


# Awkward cases.


def takes_arrays(name):
    found = []

    def looks(*args):
        found.extend(leaves(args))
        return RIGHT[name](*args)

    check(name, looks)
    return bool(found)


# Where a reading is to be told from seven others, rounding must not decide.
ONLY_FLOAT64 = {"conventions.find-convention"}


@pytest.mark.parametrize("name", [n for n in CODED if takes_arrays(n) and n not in ONLY_FLOAT64])
def test_an_answer_that_fails_on_float32_is_refused(name):
    def fails(*args):
        result = RIGHT[name](*args)
        if any(leaf.dtype == np.float32 for leaf in leaves(args)):
            return mapped(lambda leaf: leaf + np.float32(0.01), result)
        return result

    assert "wanted" in refused(name, fails)


def sigmoid_that_overflows(a):
    return 1 / (1 + np.exp(-a))


def sigmoid_that_ends_in_nan(a):
    return np.exp(a) / (1 + np.exp(a))


@pytest.mark.parametrize("module", [test_gru, test_lstm])
def test_saturated_gates_tell_nan_from_overflow(module, monkeypatch):
    step = module.make_step()
    name = module.__name__.rpartition("test_")[2] + ".step"
    monkeypatch.setattr(module, "sigmoid", sigmoid_that_overflows)
    assert check(name, step).passed
    monkeypatch.setattr(module, "sigmoid", sigmoid_that_ends_in_nan)
    assert "got nan. NaN comes from 0 / 0, inf / inf" in refused(name, step)
