"""Each wrong answer is refused with its own sentence, whichever exercise it is of."""

import re

import pytest

from gru_course.exercises import check
from gru_course.exercises._table import TABLES

from .mistakes import named
from .test_all import BY_HAND, RIGHT


@pytest.mark.parametrize("name", TABLES)
def test_a_mistake_that_a_table_names_gets_its_own_sentence(name):
    for answer, pattern in named(name, RIGHT[name]):
        result = check(name, answer)
        assert not result.passed, pattern
        assert re.fullmatch(pattern, result.message), (pattern, result.message)


@pytest.mark.parametrize("name", BY_HAND)
def test_a_wrong_answer_gets_the_sentence_that_it_needs(name):
    for answer, sentence in BY_HAND[name]:
        result = check(name, answer)
        assert not result.passed, sentence
        assert sentence in result.message, (sentence, result.message)


@pytest.mark.parametrize("name", RIGHT)
def test_praise_is_a_sentence(name):
    assert re.fullmatch(r"(Right|Fixed)\b.*[.?]", check(name, RIGHT[name]).message)
