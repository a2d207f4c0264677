"""The stored text and the networks that read it."""

import numpy as np
import pytest

from gru_course import data, nn
from gru_course.reference import gru, rnn


@pytest.mark.parametrize(("part", "length"), [("train", 34912), ("test", 10594)])
def test_the_text_is_python_in_which_every_bracket_is_closed(part, length):
    text = data.source_code(part)
    assert len(text) == length
    compile(text.replace("from __future__", "from"), part, "exec")
    stack = []
    for character, depth in zip(text, data.bracket_depth(text), strict=True):
        if character in "([{":
            stack.append(")]}"["([{".index(character)])
        elif character in ")]}":
            assert stack.pop() == character
        assert depth == len(stack)
    assert not stack


def test_the_depth_goes_below_zero_where_more_is_closed():
    assert data.bracket_depth("a)b]").tolist() == [0, -1, -1, -2]


def test_the_kinds_of_all_characters():
    wanted = {
        **{c: c for c in "([{)]}"},
        **dict.fromkeys("\"'", "quote"),
        **dict.fromkeys("aZ_é", "letter"),
        **dict.fromkeys("09", "digit"),
        **dict.fromkeys(".,=#\t−", "other"),
        "\n": "newline",
        " ": "space",
    }
    kinds = data.character_kinds("".join(wanted))
    assert kinds.shape == (len(wanted), 12)
    assert (kinds.sum(axis=1) == 1).all()
    names = [data.CHARACTER_KINDS[k] for k in kinds.argmax(axis=1)]
    assert names == list(wanted.values())


def states(kind, arrays, xs):
    """The reference's states; a GRU without a gate is one whose gate stands at 0 or 1."""
    weights = [arrays[f"recurrent.cell.{n}"].astype(float) for n in gru.Params._fields]
    H = arrays["linear.weight"].shape[1]
    cell, options = (rnn, {}) if kind == "rnn" else (gru, {"reset_after": kind != "mgu"})
    if kind in ("update-only", "reset-only", "mgu"):
        first, second = zip(*(np.split(a, 2) for a in weights), strict=True)
        still = [np.zeros_like(a) for a in first]
        still[2] += 60 if kind == "update-only" else -60
        blocks = {
            "update-only": (still, first, second),
            "reset-only": (first, still, second),
            "mgu": (first, [-a for a in first], second),
        }[kind]
        weights = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    return cell.forward(xs, np.zeros((len(xs), H)), cell.Params(*weights), **options)[0]


@pytest.mark.parametrize(
    ("kind", "least"),
    [("gru", 0.99), ("update-only", 0.99), ("mgu", 0.97), ("reset-only", 0.93), ("rnn", 0.85)],
)
def test_the_readers_read_the_depth_of_text_that_they_have_not_seen(kind, least):
    text = data.source_code("test")
    depth = data.bracket_depth(text)
    starts = [i + 1 for i, c in enumerate(text[:-99]) if c == "\n" and depth[i] == 0]
    at = np.array(starts[::3])[:, None] + np.arange(64)
    xs = data.character_kinds(text)[at]
    right, biases = [], set()
    for seed in range(8):
        arrays = data.bracket_reader(kind, seed)
        biases.add(float(arrays["linear.bias"][0]))
        read = 2 * (states(kind, arrays, xs) @ arrays["linear.weight"][0] + arrays["linear.bias"])
        right.append((np.abs(read - depth[at]) < 0.5).mean())
    assert min(right) > least
    assert len(biases) == 8, "eight networks, not one"


def test_a_reader_is_a_state_dict():
    model = nn.Readout(nn.Recurrent(nn.GRUCell(12, 8)), 1, last=False)
    assert list(data.bracket_reader("gru", 0)) == list(model.state_dict())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.source_code("all"), "part: expected train or test, got 'all'"),
        (lambda: data.bracket_depth(""), "text: expected at least one character, got ''"),
        (lambda: data.bracket_depth(["("]), "text: expected at least one character"),
        (lambda: data.character_kinds(None), "text: expected at least one character, got None"),
        (
            lambda: data.bracket_reader("lstm", 0),
            "cell: expected one of gru, update-only, .*'lstm'",
        ),
        (lambda: data.bracket_reader("gru", 8), "seed: expected a whole number from 0 to 7, got 8"),
        (lambda: data.bracket_reader("gru", True), "seed: expected a whole number"),
        (lambda: data.bracket_reader("gru", 0.0), "seed: expected a whole number"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()
