"""Slider exercises: what a widget must be set to, as rules that Python and the page both read.

A goal is text and numbers alone. `check` reads it in the notebook, the widget's module on the page,
so that the two cannot disagree about an answer.
"""

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """A reading that must lie between two numbers, and what to say where it does not."""

    reading: str
    low: float | None  # None: no limit
    high: float | None
    sentence: str  # "{reading}" stands for that reading's value


class Goal(NamedTuple):
    """One slider exercise: its widget's class, its rules in the order in which they are told."""

    widget: str
    rules: tuple[Rule, ...]
    praise: str
    hints: tuple[str, str]


def digits(value):
    """A number to three digits, with a true minus sign and no minus zero, as the page writes it."""
    text = f"{value:.3f}" if abs(value) < 0.9995 else f"{value:.2f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def judge(goal, readings):
    """Whether a widget's readings meet a goal, and the sentence for the reader.

    The first rule that is not met answers; a reading that is NaN meets none.

    Parameters
    ----------
    goal : Goal
    readings : dict from each reading that the goal names to a float

    Returns
    -------
    bool, str

    >>> goal = Goal("GateExplorer", (Rule("z", 0.5, None, "z is {z}: more."),), "Right.", ("", ""))
    >>> judge(goal, {"z": 0.25})
    (False, 'z is 0.250: more.')
    >>> judge(goal, {"z": 0.75})
    (True, 'Right.')
    """

    def filled(sentence):
        return re.sub(r"\{(\w+)\}", lambda match: digits(readings[match[1]]), sentence)

    for reading, low, high, sentence in goal.rules:
        above = low is None or readings[reading] >= low
        below = high is None or readings[reading] <= high
        if not (above and below):
            return False, filled(sentence)
    return True, filled(goal.praise)


def _kept(reading, wanted):
    """A rule for what the exercise fixes."""
    return Rule(reading, wanted, wanted, f"Keep {reading} at {wanted:g}; here it is {{{reading}}}.")


GOALS = {
    "rnn.tipping-point": Goal(
        "Cobweb",
        (
            Rule("w", 0.0, None, "At w = {w} each step flips the sign; a positive w keeps it."),
            Rule(
                "stable",
                2,
                None,
                "There is one stable state, and every start ends there. To decide, the unit needs "
                "two.",
            ),
            Rule(
                "unstable",
                0.201,
                None,
                "The states part at {unstable}, so that 0.2 and 0.3 both end above zero. Bring the "
                "unstable state up between them.",
            ),
            Rule(
                "unstable",
                None,
                0.299,
                "The states part at {unstable}, so that 0.2 and 0.3 both end below zero. Bring the "
                "unstable state down between them.",
            ),
        ),
        "At w = {w}, b = {b} the unstable state lies at {unstable}, between 0.2 and 0.3.",
        (
            "Two stable states need a slope above one somewhere, which is a question for w alone. "
            "With b = 0, where is the unstable state?",
            "At an unstable state h the map returns h itself: b = artanh(h) - w h. Choose w = 2 "
            "and an h between 0.2 and 0.3.",
        ),
    ),
    "gradients.smallest-gate-bias": Goal(
        "GradientFlow",
        (
            Rule("radius", 0.6, 0.6, "The spectral radius must stand at 0.6; it is {radius}."),
            Rule("length", 60, 60, "The length must stand at 60; it is {length}."),
            Rule(
                "gru",
                0.1,
                None,
                "At a gate bias of {gate_bias} the GRU keeps {gru} at lag 60, less than a tenth. "
                "Move the gate closer to one.",
            ),
            Rule(
                "gate_bias",
                None,
                3.15,
                "At a gate bias of {gate_bias} the copy alone keeps a tenth, and this GRU keeps "
                "{gru}. The other path helps, so less will do.",
            ),
            # Between what it keeps at the smallest such bias and one step of the slider above.
            Rule(
                "gru",
                None,
                0.13,
                "At a gate bias of {gate_bias} the GRU keeps {gru} at lag 60. It is more than a "
                "tenth, but it is still so one step further down.",
            ),
        ),
        "A gate bias of {gate_bias} keeps {gru}, and one step less does not keep a tenth. A "
        "constant gate needs 3.24: the path through the candidate, and the units whose gates lie "
        "closest to one, do the rest.",
        (
            "Read the GRU's line at its right end, lag 60, and compare it with the line of a "
            "tenth.",
            "A constant gate needs z^60 = 0.1, so ln(z / (1 - z)) = 3.24. The other path helps: "
            "move down from there in steps of 0.1.",
        ),
    ),
    "lstm.readable-count": Goal(
        "LSTMExplorer",
        (
            *(_kept(name, wanted) for name, wanted in (("x", 1), ("h_prev", 0), ("c_prev", 0))),
            Rule(
                "written",
                0.005,
                None,
                "Too little is written: the last step puts {written} into the cell.",
            ),
            Rule(
                "gain_c",
                0.005,
                None,
                "The cell has levelled off at {c_50}: the forget gate at {f} takes away nearly as "
                "much as is written.",
            ),
            Rule(
                "gain_tanh",
                0.005,
                None,
                "The cell holds {c_50}, where tanh is nearly flat: the last step adds {gain_c} to "
                "the cell and {gain_tanh} to its tanh. Write less at each step.",
            ),
            Rule(
                "gain_h",
                0.005,
                None,
                "The last step raises tanh(c) by {gain_tanh}; the output gate at {o} shows only "
                "{gain_h} of it.",
            ),
        ),
        "The last step still raises h, by {gain_h}.",
        (
            "Where does tanh stop answering? Keep the cell below that for all fifty steps.",
            "After fifty steps the cell holds about 50 i g, with g close to 0.8. Choose i so that "
            "this is about one, and let f and o pass everything.",
        ),
    ),
}
