"""Slider exercises: what the widget's rules accept and what they say to the rest."""

import math
import re

import numpy as np
import pytest
from sources import given

from gru_course import widgets
from gru_course.exercises import check
from gru_course.goals import GOALS
from gru_course.widgets import GateExplorer


def moved(name, **settings):
    """The widget as the chapter gives it, then what the reader moves."""
    widget = getattr(widgets, GOALS[name].widget)(**given(name)[1])
    for key, value in settings.items():
        setattr(widget, key, value)
    return widget


SOLVED = {
    "rnn.tipping-point": [
        {"w": 2.0, "b": -0.24},
        {"w": 2.0, "b": -0.25},
        {"w": 3.0, "b": -0.5},
        {"w": 1.2, "b": -0.04},
        {"w": 1.1, "b": -0.02},
    ],
    "gradients.smallest-gate-bias": [{"gate_bias": 3.0}, {"gate_bias": 3.0, "activation": "relu"}],
    "lstm.readable-count": [
        {"i": 0.01},
        {"i": 0.02},
        {"i": 0.03},
        {"i": 0.02, "f": 0.98, "o": 0.95},
        {"drive": False, "a_i": -4.0, "a_f": 8.0, "a_o": 8.0},
    ],
}

# At least one for each rule, with a part of its sentence. All are stops of the sliders.
MISSED = {
    "rnn.tipping-point": [
        ({"w": -2.0, "b": -0.24}, "At w = −2.00 each step flips the sign"),
        ({"w": 1.0}, "There is one stable state"),
        ({"w": 2.0, "b": -1.0}, "There is one stable state"),
        ({"w": 2.0, "b": 0.24}, "both end above zero"),  # the sign of b
        ({"w": 2.0, "b": -0.15}, "both end above zero"),
        ({"w": 2.0, "b": -0.31}, "both end below zero"),
        ({"w": 1.1, "b": -0.01}, "both end above zero"),
    ],
    "gradients.smallest-gate-bias": [
        ({"gate_bias": 2.9}, "keeps 0.097 at lag 60, less than a tenth"),
        ({"gate_bias": -2.0}, "less than a tenth"),
        ({"gate_bias": 3.1}, "it is still so one step further down"),
        ({"gate_bias": 3.2}, "the copy alone keeps a tenth"),
        ({"gate_bias": 4.5}, "so less will do"),
        ({"gate_bias": 3.0, "radius": 0.9}, "spectral radius must stand at 0.6; it is 0.900"),
        ({"gate_bias": 3.0, "length": 59}, "length must stand at 60"),
    ],
    "lstm.readable-count": [
        ({"i": 0.04}, "The cell holds 1.82, where tanh is nearly flat"),
        ({"i": 0.5}, "where tanh is nearly flat"),
        ({"i": 0.02, "o": 0.3}, "the output gate at 0.300 shows only"),
        ({"i": 0.02, "f": 0.9}, "the forget gate at 0.900 takes away"),
        ({"f": 0.0}, "levelled off at 0.940:"),
        ({"i": 0.0}, "the last step puts 0.000 into the cell"),
        ({"drive": False, "a_i": -5.3, "a_f": 8.0, "a_o": 8.0}, "Too little is written"),
        *(
            ({"i": 0.02, key: 0.5}, f"Keep {key} at {kept}; here it is 0.500.")
            for key, kept in (("x", 1), ("h_prev", 0), ("c_prev", 0))
        ),
    ],
}

every_goal = pytest.mark.parametrize("name", GOALS)


@every_goal
def test_solutions_pass_with_a_sentence(name):
    for settings in SOLVED[name]:
        result = check(name, moved(name, **settings))
        assert result.passed, result.message
        assert re.fullmatch(r"Right: [^{}]+\.", result.message)


@every_goal
def test_each_rule_answers_with_its_own_sentence(name):
    answered = set()
    for settings, part in MISSED[name]:
        message = check(name, moved(name, **settings)).message
        assert part in message
        assert re.fullmatch(r"[A-Z][^{}]+\.", message)
        for rule in GOALS[name].rules:
            pattern = re.sub(r"\\\{\w+\\\}", r"\\S+", re.escape(rule.sentence))
            if re.fullmatch(pattern, message):
                answered.add(rule)
    assert answered == set(GOALS[name].rules)


@every_goal
def test_an_untouched_widget_is_not_attempted(name):
    result = check(name, moved(name))
    assert not result.passed
    assert result.message.startswith("Not attempted yet: move the sliders")
    assert not result.shows_hints


@every_goal
def test_what_is_not_the_widget_is_refused(name):
    other = next(w for w in widgets.__all__ if w not in (GOALS[name].widget, "SequencePlayer"))
    for answer in (0.02, lambda: None, getattr(widgets, other)()):
        message = check(name, answer).message
        assert message.startswith(f"Expected the widget itself, {GOALS[name].widget}(...), got ")


def test_a_widget_takes_only_its_own_goals():
    with pytest.raises(ValueError, match=r"goal: expected one of .*, got 'rnn.tipping-point'"):
        GateExplorer(goal="rnn.tipping-point")


def test_where_the_states_part_two_close_starts_end_on_two_sides():
    for settings in SOLVED["rnn.tipping-point"]:
        w, b = settings["w"], settings["b"]
        low, high = 0.2, 0.3
        for _ in range(2000):
            low, high = math.tanh(w * low + b), math.tanh(w * high + b)
        assert low < 0 < high


def test_the_smallest_gate_bias_is_the_one_that_a_search_finds():
    name = "gradients.smallest-gate-bias"
    biases = np.arange(20, 41) / 10
    kept = [moved(name, gate_bias=b).norms()["GRU"][-1] for b in biases]
    smallest = biases[np.argmax(np.array(kept) >= 0.1)]
    assert [b for b in biases if check(name, moved(name, gate_bias=b)).passed] == [smallest]
    constant = 0.1 ** (1 / 60)
    assert f"{math.log(constant / (1 - constant)):.2f}" in GOALS[name].praise


# For the tests that all exercises share: the right answers, and wrong ones.
RIGHT = {name: moved(name, **settings[0]) for name, settings in SOLVED.items()}
WRONG = {
    name: [moved(name, **settings) for settings, _ in missed] for name, missed in MISSED.items()
}
