"""Slider exercises: what the widget's rules accept and what they say to the rest."""

import math
import re
from itertools import combinations, product

import numpy as np
import pytest
from sources import given

from gru_course import convert, widgets
from gru_course.exercises import check
from gru_course.goals import GOALS
from gru_course.reference import gru
from gru_course.widgets import GateExplorer, SequencePlayer


def player(record, **settings):
    """The sequence player that a page holds, which Python made of arrays."""
    H = len(record["mean_z"])
    gates = {name: np.array(record[name].split(), float).reshape(-1, H) / 1000 for name in "rznh"}
    lines = dict(record["lines"])
    widget = SequencePlayer(record["tokens"] or lines.pop("input"), gates, lines=lines, **settings)
    # Mean and half-life, which the page holds as they were before the gates were rounded.
    widget.record.update({name: record[name] for name in ("mean_z", "half_life")})
    assert widget.record == record
    return widget


def moved(name, **settings):
    """The widget as the chapter gives it, then what the reader moves."""
    state = given(name)[1]
    widget = player(**state) if "record" in state else getattr(widgets, GOALS[name].widget)(**state)
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
    "bptt.no-credit": [
        {"x1": -0.05, "x3": -0.7},
        {"x1": -0.1, "x3": -1.35},
        {"w_h": -1.72},
        {"w_h": 1.2, "b": -0.85},
        {"w_x": 0.75, "b": -0.45},
        {"b": -0.35, "x1": 0.2},
    ],
    "gradients.smallest-gate-bias": [{"gate_bias": 3.0}, {"gate_bias": 3.0, "activation": "relu"}],
    "lstm.readable-count": [
        {"i": 0.01},
        {"i": 0.02},
        {"i": 0.03},
        {"i": 0.02, "f": 0.98, "o": 0.95},
        {"drive": False, "a_i": -4.0, "a_f": 8.0, "a_o": 8.0},
    ],
    "gates_learn.closing": [{"step": 113, "unit": 1}],
    "gru.let-the-input-in": [
        {"r": 0.59, "z": 0.82},
        {"r": 0.54, "z": 0.82},
        {"r": 0.67, "z": 0.78},
        {"r": 0.59, "z": 0.79},  # turns at step 15
        {"r": 0.59, "z": 0.84},  # and at step 20
        {"drive": False, "a_r": 0.4, "a_z": 1.5},
    ],
    "gru_backward.cancel": [
        {"h_prev": 0.81, "r": 0.93, "z": 0.65},
        {"h_prev": 0.75, "r": 1.0, "z": 0.67},
        {"h_prev": 0.78, "r": 0.96, "z": 0.66},
        {"drive": False, "h_prev": 0.76, "a_r": 4.0, "a_z": 0.7},
    ],
    "conventions.apart": [
        {"x": -0.75, "h_prev": 0.0, "r": 0.0, "z": 0.3},
        {"x": -0.75, "h_prev": 0.0, "r": 0.0, "z": 0.7},
        {"x": -1.0, "h_prev": 0.0, "r": 0.2, "z": 0.25},
        {"x": -1.75, "h_prev": 0.8, "r": 0.0, "z": 0.3},
        {"drive": False, "x": -0.75, "h_prev": 0.0, "a_r": -8.0, "a_z": -1.0},
    ],
    "reading_code.blind-spot": [
        {"x": 0.5, "h_prev": 0.5, "r": 0.5},
        {"x": 0.6, "h_prev": 0.55, "r": 0.5},
        {"x": 0.7, "h_prev": 0.6, "r": 0.5, "z": 0.5},
        {"x": 0.5, "h_prev": 0.5, "r": 0.51, "z": 0.4},
        {"drive": False, "x": 0.5, "h_prev": 0.5, "a_r": 0.0, "a_z": -1.0},
    ],
    "mingru.tree": [
        {"method": "tree", "overwrite": 0, "z": 0.92},
        {"method": "tree", "overwrite": 0, "z": 0.91, "level": 4},
        {"method": "tree", "overwrite": 0, "z": 0.92, "pulse": 7, "at": 3},
    ],
    "gpu.timeline": [
        {"kernels": 4, "work": 3.0},
        {"work": 2.5},  # the larger batch, half
        {"work": 4.0},  # and as large as it is free
        {"kernels": 1, "work": 12.0},
        {"kernels": 3, "work": 4.0, "barrier": 0.0},
        {"kernels": 10, "work": 5.0},
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
    "bptt.no-credit": [
        ({"x1": -0.05, "x3": -0.7, "losses": "last"}, "Let the loss look at every step"),
        ({"w_h": 0.0}, "The error of step 1 is 0.262, too small"),
        ({"x1": -0.3, "x3": -0.7}, "further from its target, 0.200"),
        ({"w_h": 2.0, "b": -2.0}, "is −0.100, too small"),  # saturated: nothing goes back
        ({"x3": -0.7}, "above zero, at 0.355: lower one"),
        ({"w_h": -1.6}, "above zero, at 0.835: lower one"),
        ({"x1": -0.15, "x3": -0.7}, "below zero, at −0.085: raise one"),
        ({"w_h": -1.9}, "below zero, at −1.59: raise one"),
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
    "gates_learn.closing": [
        ({"step": 65, "unit": 1}, "There the network has not yet reached"),
        ({"step": 105, "unit": 5}, "the deepest bracket is still open"),
        ({"step": 112, "unit": 1}, "the deepest bracket is still open"),
        ({"step": 114, "unit": 1}, "the deepest bracket is closed already"),
        ({"step": 113, "unit": 5}, "The unit shown keeps 0.348 of its state"),
        ({"step": 113, "unit": 7}, "keeps 0.818 of its state"),
    ],
    "gru.let-the-input-in": [
        ({"r": 0.59, "z": 0.82, "x": 0.3}, "Keep x at 0.25; here it is 0.300."),
        ({"r": 0.59, "z": 0.82, "h_prev": -0.5}, "Keep h_prev at −0.6; here it is −0.500."),
        ({"z": 0.5}, "at r = 1.00 the old state weighs more in the candidate"),
        ({"r": 0.8}, "the unit stays below zero, at −0.707"),
        ({"r": 0.0}, "ends at 0.245. To go further"),
        ({"r": 0.5, "z": 0.85}, "ends at 0.770. To go further"),
        ({"r": 0.7, "z": 0.75}, "ends at 0.909, too far out"),
        ({"r": 0.59, "z": 0.85}, "after 20 steps the state is still below zero"),  # step 21
        ({"r": 0.59, "z": 1.0}, "after 20 steps the state is still below zero"),  # never
        ({"r": 0.59, "z": 0.78}, "The end is right, 0.849, but the state is above zero before"),
        ({"r": 0.59, "z": 0.0}, "above zero before step 15. At z = 0.000 it keeps too little"),
        ({"drive": False, "a_r": 0.4, "a_z": 8.0}, "At z = 1.00 it takes in too little"),
    ],
    "gru_backward.cancel": [
        ({"x": 1.0, "h_prev": 0.5, "r": 1.0, "z": 0.66}, "Keep x at 1.5; here it is 1.00."),
        ({"h_prev": 0.81, "r": 0.93, "z": 0.6}, "The copy carries 0.600, and at least 0.65"),
        ({"z": 0.65}, "At r = 0.300 the candidate hears so little"),
        ({"h_prev": -0.81, "r": 0.93, "z": 0.65}, "At n = 0.995 tanh is so flat"),
        ({"h_prev": 1.0, "r": 1.0, "z": 0.66}, "At n = −0.462 tanh is so flat"),  # at the ends
        ({"h_prev": 0.75, "r": 1.0, "z": 0.8}, "together 0.400: the copy is still the longer"),
        ({"h_prev": 0.75, "r": 1.0, "z": 0.65}, "together −0.050: now the candidate's path"),
    ],
    "conventions.apart": [
        ({"z": 0.3}, "The candidates of the two resets are 0.080 apart"),
        ({"x": -0.75, "h_prev": 0.0, "r": 1.0, "z": 0.3}, "the two resets are 0.000 apart"),
        ({"x": 1.0, "h_prev": 0.0, "r": 0.0, "z": 0.3}, "the two resets are 0.225 apart"),
        ({"x": -0.75, "h_prev": 0.0, "r": 0.0, "z": 0.1}, "there the states are 0.127 apart"),
        ({"x": -0.75, "h_prev": 0.0, "r": 0.0, "z": 1.0}, "there the states are 0.000 apart"),
        ({"x": -0.75, "h_prev": 0.0, "r": 0.0, "z": 0.5}, "writing are only 0.000 apart"),
        ({"x": -0.75, "h_prev": 0.6, "r": 0.0, "z": 0.3}, "writing are only 0.014 apart"),
        ({"x": -1.5, "h_prev": 0.6, "r": 0.0, "z": 0.3}, "those states are 0.032 apart"),
    ],
    "reading_code.blind-spot": [
        ({"x": 0.5, "h_prev": 0.3, "r": 0.5}, "The past speaks softly, with an h_n of 0.100"),
        ({"x": 0.55, "h_prev": 0.25, "r": 1.0}, "with an h_n of 0.000"),
        ({"x": 0.5, "h_prev": 0.5, "r": 0.5, "z": 0.9}, "At z = 0.900 the copy hides"),
        ({"x": 2.0, "h_prev": 1.0, "r": 0.5, "z": 0.5}, "At n = 0.992 tanh is so flat"),
        ({"x": 0.5, "h_prev": 0.5, "r": 0.7}, "Cell C is still found: its state is 0.096 away"),
        ({"x": 0.5, "h_prev": 0.5, "r": 1.0}, "Cell C is still found"),  # F passes
        ({"x": 0.8, "h_prev": 0.5, "r": 0.5}, "cell F is still found: its state is 0.052 away"),
    ],
    "mingru.tree": [
        ({"method": "tree", "overwrite": 0, "z": 0.92, "level": 2}, "h_8 is not known yet"),
        ({"method": "chain", "overwrite": 0, "z": 0.92, "level": 6}, "h_8 is not known yet"),
        ({"overwrite": 0, "z": 0.92}, "Both are known, h_8 and h_7"),
        ({"method": "tree", "overwrite": 0, "z": 0.92, "level": 5}, "Both are known"),  # too far
        ({"method": "chain", "overwrite": 0, "z": 0.92, "level": 7}, "Both are known"),
        ({"method": "tree", "z": 0.92}, "the pair of all eight steps keeps 0.000 whatever"),
        (
            {"method": "tree", "overwrite": 0},
            "At z = 0.500 the pair of all eight steps keeps 0.004",
        ),
        ({"method": "tree", "overwrite": 0, "z": 0.9}, "keeps 0.430 of the state before it, and"),
        ({"method": "tree", "overwrite": 0, "z": 0.93}, "half is asked for: too much"),
        ({"method": "tree", "overwrite": 0, "z": 1.0}, "keeps 1.00 of the state before it, and"),
    ],
    "gpu.timeline": [
        ({"way": "graph"}, "Here each kernel is launched by itself"),
        ({"way": "persistent", "kernels": 4, "work": 3.0}, "One launch for everything"),
        ({"launch": 0.5}, "Keep launch at 5; here it is 0.500."),
        ({"gap": 0.0, "work": 2.5}, "Keep gap at 1; here it is 0.000."),
        ({"kernels": 4}, "A step now holds 4.00 microseconds of arithmetic"),  # fused, but less
        ({"kernels": 4, "work": 2.9}, "A step now holds 11.60 microseconds"),
        ({"kernels": 5, "work": 2.4}, "in 0.480 of the time, and half is asked for"),
        ({"work": 2.4}, "in 0.480 of the time"),
        ({"kernels": 30}, "in 0.200 of the time"),  # more of the same
        ({"work": 4.1}, "a step takes 61.20 microseconds, more than the 60 of the start"),
        ({"kernels": 30, "work": 2.5}, "a step takes 150.00 microseconds"),
        ({"work": 20.0}, "a step takes 252.00 microseconds"),
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


def explorers(name):
    """The widget at every setting listed above for this goal."""
    return [moved(name, **s) for s in [*SOLVED[name], *(missed for missed, _ in MISSED[name])]]


def step_of(explorer, **changes):
    """The reference's step and its cache, at the explorer's numbers or at others."""
    numbers = {"x": explorer.x, "h_prev": explorer.h_prev, "params": explorer.params(), **changes}
    reset_after = numbers.pop("reset_after", True)
    x, h_prev = ([[numbers[key]]] for key in ("x", "h_prev"))
    h, cache = gru.step(np.array(x), np.array(h_prev), numbers["params"], reset_after=reset_after)
    return h.item(), cache


def test_the_slope_is_what_a_nudge_of_the_old_state_gives():
    for explorer in explorers("gru_backward.cancel"):
        ends = [step_of(explorer, h_prev=explorer.h_prev + nudge)[0] for nudge in (1e-5, -1e-5)]
        slope = (ends[0] - ends[1]) / 2e-5
        assert explorer.readings()["slope"] == pytest.approx(slope, rel=0, abs=1e-8)


def test_the_gaps_are_those_of_the_reference_under_the_four_conventions():
    for explorer in explorers("conventions.apart"):
        readings, params = explorer.readings(), explorer.params()
        after, before, after_writes, before_writes = (
            step_of(explorer, params=p, reset_after=reset_after)[0]
            for p in (params, convert.flip_update_gate(params))
            for reset_after in (True, False)
        )
        wanted = {
            "reset_gap": min(abs(after - before), abs(after_writes - before_writes)),
            "sense_gap": min(abs(after - after_writes), abs(before - before_writes)),
            "mixed_gap": min(abs(after - before_writes), abs(before - after_writes)),
        }
        assert {key: readings[key] for key in wanted} == pytest.approx(wanted, rel=0, abs=1e-12)
        smallest = min(
            abs(a - b) for a, b in combinations((after, before, after_writes, before_writes), 2)
        )
        assert check("conventions.apart", explorer).passed == (smallest >= 0.15)


def test_cells_c_and_f_are_a_gru_with_something_turned_round():
    for explorer in explorers("reading_code.blind-spot"):
        readings, params = explorer.readings(), explorer.params()
        h, cache = step_of(explorer)
        # C: the gate's rows negated. F: input and state exchanged in the candidate.
        c, _ = step_of(explorer, params=params._replace(bias_ih=params.bias_ih * [-1, 1, 1]))
        turned = gru.Params(
            params.weight_hh,
            params.weight_ih,
            np.r_[params.bias_ih[:2], params.bias_hh[2]],
            np.r_[params.bias_hh[:2], params.bias_ih[2]],
        )
        _, exchanged = step_of(explorer, x=explorer.h_prev, h_prev=explorer.x, params=turned)
        f = (1 - cache.z) * exchanged.n + cache.z * explorer.h_prev
        wanted = {"gap_c": abs(h - c), "gap_f": abs(h - f.item())}
        assert {key: readings[key] for key in wanted} == pytest.approx(wanted, rel=0, abs=1e-12)


def test_the_input_turns_the_state_when_and_to_where_it_should():
    name = "gru.let-the-input-in"
    for settings in SOLVED[name]:
        r, z = (moved(name, **settings).values()[gate] for gate in "rz")
        hs = [-0.6]
        for _ in range(2000):
            hs.append((1 - z) * math.tanh(0.25 + 2 * r * hs[-1]) + z * hs[-1])
        assert 15 <= next(k for k, h in enumerate(hs) if h > 0) <= 20
        assert 0.8 <= hs[-1] <= 0.9


def test_eight_steps_keep_half_where_the_tree_is_right():
    for settings in SOLVED["mingru.tree"]:
        knob = moved("mingru.tree", **settings)
        hs = {h: h for h in (0.0, 1.0)}  # from two starts, which the input moves alike
        for t, before in product(range(1, 9), hs):
            hs[before] = (1 - knob.z) * (t == knob.pulse) + knob.z * hs[before]
        assert 0.45 <= hs[1.0] - hs[0.0] <= 0.55


def test_half_of_the_time_is_filled_where_the_timeline_is_right():
    for settings in SOLVED["gpu.timeline"]:
        knob = moved("gpu.timeline", **settings)
        last, busy, ends = 0.0, 0.0, []
        for k in range(300 * knob.kernels):  # many steps, so that the first launch does not count
            last = max(5.0 * (k + 1), last + 1.0 if k else 0.0) + knob.work
            busy += knob.work
            ends.append(last)
        a_step = (ends[-1] - ends[knob.kernels - 1]) / 299
        assert busy / last >= 0.498
        assert a_step <= 60.001
        assert knob.kernels * knob.work >= 11.999


# For the tests that all exercises share: the right answers, and wrong ones.
RIGHT = {name: moved(name, **settings[0]) for name, settings in SOLVED.items()}
WRONG = {
    name: [moved(name, **settings) for settings, _ in missed] for name, missed in MISSED.items()
}
