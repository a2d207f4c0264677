"""The list of claims about speed: each can be measured, and one that falls is seen."""

import sys

import numpy as np
import pytest

from gru_course.bench import __main__ as command
from gru_course.bench import claim_pairs, claims

ALL = [claim for group in claims.CLAIMS.values() for claim in group]


@pytest.fixture
def clock(monkeypatch):
    """Three rounds in which the first function takes 6 times as long, whatever the two are."""

    def alternate(functions):
        assert all(callable(function) for function in functions.values())
        return dict(zip(functions, (np.array([6.0, 60.0, 7.0]), [1.0, 10.0, 1.0]), strict=True))

    monkeypatch.setattr(claims, "alternate", alternate)


def claim(**options):
    return claims.Claim("this takes longer than that", lambda: (list, tuple), **options)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("options", "line", "status"),
    [
        ({"least": 6}, "6 (at least 6) | holds", 0),
        ({"least": 6.1}, "6 (at least 6.1) | FALLS", 1),
        ({"least": 0, "most": 5}, "6 (at most 5) | FALLS", 1),
        ({"least": 0.5, "most": 6}, "6 (0.5 to 6) | holds", 0),
        ({"least": 1200, "per": 200}, "1,200 (at least 1,200) | holds", 0),
        ({"least": 7, "where": "nowhere"}, "not said here, but with nowhere |", 0),
    ],
)
def test_a_line_for_each_claim_and_a_status(options, line, status, monkeypatch, capsys):
    monkeypatch.setitem(claims.MACHINES, "nowhere", lambda: False)
    group = [claim(**options), claim(least=1)]
    assert claims.measure({"a chapter": group}) == status
    printed = capsys.readouterr().out.splitlines()
    assert "## a chapter" in printed
    assert f"this takes longer than that | {line}" in printed
    assert "this takes longer than that | 6 (at least 1) | holds" in printed
    assert printed[-1] == ("1 of 2 claims fall" if status else "All hold")


@pytest.mark.usefixtures("clock")
def test_the_command_ends_with_the_status(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bench", "claims"])
    for least, status in ((1, 0), (10, 1)):
        monkeypatch.setattr(claims, "CLAIMS", {"a chapter": [claim(least=least)]})
        with pytest.raises(SystemExit) as ended:
            command.main()
        assert ended.value.code == status


def test_options_of_the_tables_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "claims", "--json", "times.json"])
    with pytest.raises(SystemExit):
        command.main()
    assert "--json and --size are for the tables" in capsys.readouterr().err


@pytest.mark.parametrize("claim", ALL, ids=lambda claim: claim.sentence)
def test_each_claim_has_two_functions_that_run(claim):
    assert claim.where in claims.MACHINES
    assert 0 <= claim.least < claim.most
    for function in claim.pair() if claims.MACHINES[claim.where]() else ():
        function()


def test_pairs_of_one_result_compute_the_same():
    pairs = [claim_pairs.weight_gradients(2, 3, 4), claim_pairs.stack(2, 3, 4, 5)]
    if claims.MACHINES[claims.ONEDNN]():
        pairs.append(claim_pairs.packed(2, 3))
    for one, other in pairs:
        np.testing.assert_allclose(np.ravel(one()), np.ravel(other()), rtol=1e-6)
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 13, 3))
    for method in (claim_pairs.doubling, claim_pairs.up_and_down):
        np.testing.assert_allclose(method(a, b), claim_pairs.loop(a, b), rtol=1e-12)
