"""Wrong answers that need not be written by hand: the mistakes that a table names."""

import re
from string import Formatter

from gru_course.exercises._table import TABLES


def made(mistake, right):
    """An answer with this mistake, and right where it cannot be made."""

    def answer(*args):
        try:
            return mistake(*args)
        except (ArithmeticError, ValueError):
            return right(*args)

    return answer


def named(name, right):
    """The mistakes of a table as answers, each with a pattern of its whole sentence."""
    mistakes = TABLES[name].mistakes if name in TABLES else {}
    return [(made(mistake, right), pattern(sentence)) for sentence, mistake in mistakes.items()]


def pattern(sentence):
    """A sentence of a table as a regular expression, with anything in its fields."""
    parts = Formatter().parse(sentence)
    return "".join(re.escape(text) + (".+" if field else "") for text, field, *_ in parts)
