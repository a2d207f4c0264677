"""Slider exercises: what a widget must be set to, as rules that Python and the page both read.

The rules stand in ``goals.toml``. `check` reads them in the notebook, the widget's module on the
page, so that the two cannot disagree about an answer.
"""

import re
import tomllib
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from importlib.resources import files
from typing import Any, NamedTuple


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


def fixed(value: float, places: int) -> str:
    """A finite number with so many decimal places, as JavaScript's toFixed writes it.

    Where two are equally near Python takes the even one, JavaScript the larger.

    >>> fixed(31.25, 1), f"{31.25:.1f}"
    ('31.3', '31.2')
    """
    return f"{Decimal(float(value)).quantize(Decimal(10) ** -places, ROUND_HALF_UP):f}"


def digits(value: float) -> str:
    """A number to three digits, with a true minus sign and no minus zero, as the page writes it."""
    text = fixed(value, 3 if abs(value) < 0.9995 else 2)
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def judge(goal: Goal, readings: Mapping[str, float]) -> tuple[bool, str]:
    """Whether a widget's readings meet a goal, and the sentence for the reader.

    The first rule that is not met answers; a reading that is NaN meets none.

    Parameters
    ----------
    goal : Goal
    readings : mapping from each reading that the goal names to a float

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


def _read(goal: dict[str, Any]) -> Goal:
    """A goal from its entry in the file, which leaves out the limits that there are not."""
    rules = tuple(Rule(**{"low": None, "high": None} | rule) for rule in goal["rules"])
    return Goal(**goal | {"rules": rules, "hints": tuple(goal["hints"])})


_FILE = (files("gru_course") / "goals.toml").read_text("utf8")
GOALS: dict[str, Goal] = {name: _read(goal) for name, goal in tomllib.loads(_FILE).items()}
