"""What Python says and writes for the sequence player; tests/browser holds the page to it."""

import json
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from gru_course.analysis import gates, half_life
from gru_course.reference import gru
from gru_course.widgets import SequencePlayer

TEXT = "if (a < [b, c]):\n\tprint(a)"
T, H = len(TEXT), 6


def run(T=T, H=H, dtype=np.float64, state0=None):
    """What `gates` says of an untrained network on random inputs, and its states."""
    rng = np.random.default_rng(0)
    params = gru.init(rng, 3, H, dtype=dtype)
    params = params._replace(bias_ih=params.bias_ih + np.linspace(-3, 3, 3 * H).astype(dtype))
    xs = 2 * rng.normal(size=(1, T, 3)).astype(dtype)
    zeros = np.zeros((1, H), dtype)
    hs, _ = gru.forward(xs, zeros if state0 is None else state0, params)
    return gates(gru, params, xs, state0=state0), hs[0]


def carried(player, name):
    """The array as a page gets it."""
    state = json.loads(re.search(r"json\">(.*?)</script>", player.html())[1])
    thousandths = [int(word) for word in state["record"][name].split(" ")]
    return np.array(thousandths).reshape(player.T, player.H) / 1000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_page_gets_the_arrays_to_three_decimals(dtype):
    made, hs = run(dtype=dtype)
    player = SequencePlayer(TEXT, made)
    for name, array in {**made, "h": hs[None]}.items():
        np.testing.assert_allclose(carried(player, name), array[0], rtol=0, atol=0.000501)
    flat = SequencePlayer(TEXT, {name: array[0] for name, array in made.items()})
    assert flat.html() == player.html(), "an axis of one sequence makes no difference"


def test_given_states_win():
    start = np.full((1, H), 0.9)
    made, hs = run(state0=start)
    from_zeros = carried(SequencePlayer(TEXT, made), "h")
    given = carried(SequencePlayer(TEXT, {**made, "h": hs}), "h")
    assert np.abs(from_zeros[0] - hs[0]).max() > 0.1
    np.testing.assert_allclose(given, hs, rtol=0, atol=0.000501)


def test_readings_are_the_numbers_at_the_cursor():
    made, hs = run()
    player = SequencePlayer(TEXT, made)
    for step, unit in [(0, 0), (7, 3), (T - 1, H - 1)]:
        player.step, player.unit = step, unit
        got = player.readings()
        assert all(type(value) is float for value in got.values())
        assert (got["step"], got["unit"]) == (step, unit)
        for name, array in {**made, "h": hs[None]}.items():
            assert got[name] == pytest.approx(array[0, step, unit], rel=0, abs=0.000501)
            assert got[name] == carried(player, name)[step, unit]
        zs = made["z"][0, :, unit]
        assert got["mean_z"] == pytest.approx(zs.mean(), rel=5e-4)
        assert got["half_life"] == pytest.approx(
            half_life(math.prod(zs.tolist()) ** (1 / T)), rel=5e-4
        )


def test_half_life_is_taken_before_rounding():
    made = {name: np.full((10, 2), 0.5) for name in "rzn"}
    made["z"][:, 0] = 0.9996  # 1.000 to three decimals, which would keep for ever
    made["z"][:, 1] = 0.0004  # 0.000, which would erase at once
    player = SequencePlayer("abcdefghij", made)
    assert player.readings()["half_life"] == pytest.approx(1732.5, rel=1e-3)
    player.unit = 1
    assert player.readings()["half_life"] == pytest.approx(0.0886, rel=1e-3)


def test_order_and_limits_of_the_half_life():
    made = {name: np.full((2, 6), 0.5) for name in "rzn"}
    made["z"][:] = [[0.5, 1.0, 0.0, 0.9, 0.5, 0.99]] * 2
    player = SequencePlayer("ab", made)
    assert player.order() == [0, 1, 2, 3, 4, 5]
    player.sort = "half_life"
    assert player.order() == [1, 5, 3, 0, 4, 2]
    seen = []
    for unit in (1, 2):
        player.unit = unit
        seen.append(player.readings()["half_life"])
    assert seen == [math.inf, 0]
    state = json.loads(re.search(r"json\">(.*?)</script>", player.html())[1])
    assert state["record"]["half_life"][:3] == [1.0, None, 0.0]


def test_numbers_as_tokens_and_lines():
    made, _ = run(T=4)
    series = np.array([1, -2.25, 3, 123456.7])
    player = SequencePlayer(series, made, lines={"target": np.arange(4, dtype=np.float32)})
    assert player.record["tokens"] is None
    assert player.record["lines"] == {"input": [1, -2.25, 3, 123460], "target": [0, 1, 2, 3]}
    words = SequencePlayer(np.array(["the", "cat", "sat", "."]), made)
    assert json.loads(json.dumps(words.record["tokens"])) == ["the", "cat", "sat", "."]
    assert words.record["lines"] == {}


@pytest.mark.parametrize(("last", "reads"), [(12, "it reads −2:"), (12.5, "it reads −2.00:")])
def test_whole_numbers_are_read_without_decimals(last, reads):
    made, _ = run(T=4)
    assert reads in SequencePlayer([1, -2, 3, last], made, step=1).html()


def test_the_largest_page_stays_small():
    made, _ = run(T=240, H=32)
    # The longest numbers there are, and characters that JSON writes out.
    longest = {"r": made["r"] * 0 + 0.999, "z": made["z"] * 0 + 0.999, "n": made["n"] * 0 - 0.999}
    assert len(SequencePlayer("→" * 240, longest).html()) < 150_000


def test_text_of_the_output():
    made, _ = run()
    player = SequencePlayer(TEXT, made, step=3, sort="half_life")
    assert repr(player) == f"SequencePlayer(T={T}, H={H}, sort='half_life', step=3, unit=0)"
    assert player.html() == SequencePlayer(TEXT, made, step=3, sort="half_life").html()
    assert player._repr_mimebundle_()[0]["text/plain"] == repr(player)


@pytest.mark.parametrize(
    ("step", "reads"), [(0, "“i”"), (2, "a space"), (6, "“<”"), (16, "a line break")]
)
def test_still_picture(step, reads):
    made, hs = run()
    player = SequencePlayer(TEXT, made, step=step, unit=2)
    html = player.html()
    figure = ElementTree.fromstring(html[html.index("<figure") : -len("</div>")])
    words = "".join(figure.find("figcaption").itertext())
    assert f"At step {step} it reads {reads}: r = " in words
    for name, array in {**made, "h": hs[None]}.items():
        assert f"{name} = {array[0, step, 2]:.3f}".replace("-", "−") in words
    lines = [node.get("d") for node in figure.iter() if node.tag == "path"][1:3]
    for d, values in zip(lines, (made["z"][0, :, 2], hs[:, 2]), strict=True):
        points = np.array([point.split() for point in d[1:].split("L")], dtype=float)
        assert (70 - points[:, 1]) / 66 == pytest.approx(values, abs=0.002)


good, _ = run()
ones = np.ones((T, H))


@pytest.mark.parametrize(
    ("tokens", "change", "options", "message"),
    [
        ("a", {}, {}, "tokens: expected 2 to 240 of them, of which the page carries every number"),
        ("a" * 241, {}, {}, "got 241"),
        (["a", ""], {}, {}, "tokens: expected strings of 1 to 12 characters, got '' at index 1"),
        (["a", "b" * 13], {}, {}, "got 'bbbbbbbbbbbbb' at index 1"),
        (["a", 1], {}, {}, "expected short strings, or finite numbers, got 'a' at index 0"),
        ([0.5, math.nan], {}, {}, "got nan at index 1"),
        ([[0.5], [0.5]], {}, {}, "got [0.5] at index 0"),
        ("abc", {}, {}, f"gates['r']: expected shape (T, H) with T = 3, got ({T}, {H}) (axis 0)"),
        (TEXT, {"r": None}, {}, "gates['r']: expected a NumPy array of shape (T, H), got NoneType"),
        (TEXT, {"z": ones[:, :2]}, {}, f"gates['z']: expected shape (T, H) with H = {H}"),
        (TEXT, {"z": ones[None, None]}, {}, "gates['z']: expected shape (T, H), got (1, 1, "),
        (TEXT, {"n": np.stack([ones, ones])}, {}, "gates['n']: expected one sequence, got shape"),
        (TEXT, {"n": ones * math.nan}, {}, "gates['n']: expected finite numbers, got nan"),
        (TEXT, {"z": ones * -0.1}, {}, "gates['z']: expected values from 0 to 1, got -0.1"),
        (TEXT, {"n": ones * 1.1}, {}, "gates['n']: expected values from -1 to 1, got 1.1"),
        (TEXT, {"h": ones * 1.1}, {}, "gates['h']: expected values from -1 to 1, got 1.1"),
        (
            TEXT,
            {"f": ones},
            {},
            "gates: expected a dict with r, z and n of a GRU, and maybe h, got",
        ),
        (TEXT, {}, {"lines": ones[:, 0]}, "lines: expected a dict of at most 3 lines"),
        (TEXT, {}, {"lines": dict.fromkeys("abcd", ones[:, 0])}, "got 4 of them"),
        ([0.5] * T, {}, {"lines": dict.fromkeys("abc", ones[:, 0])}, "at most 2 lines"),
        (TEXT, {}, {"lines": {"y": ones}}, f"lines['y']: expected T = {T} finite numbers, got sh"),
        (TEXT, {}, {"lines": {"y": ones[:, 0] * math.inf}}, "lines['y']: expected T = "),
        (TEXT, {}, {"step": T}, f"step: expected a whole number from 0 to {T - 1}, got {T}"),
        (TEXT, {}, {"step": 0.5}, f"step: expected a whole number from 0 to {T - 1}, got 0.5"),
        (TEXT, {}, {"unit": -1}, f"unit: expected a whole number from 0 to {H - 1}, got -1"),
        (TEXT, {}, {"sort": "z"}, "sort: expected one of index, half_life, got 'z'"),
    ],
)
def test_bad_input_is_refused(tokens, change, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SequencePlayer(tokens, {**good, **change}, **options)


def test_too_many_units_and_a_missing_gate():
    with pytest.raises(ValueError, match="gates: expected at most 32 units, got 33"):
        SequencePlayer(TEXT, run(H=33)[0])
    with pytest.raises(ValueError, match=r"gates: expected a dict with r, z and n .* got r, z$"):
        SequencePlayer(TEXT, {name: good[name] for name in "rz"})


def test_untouched_until_it_is_moved():
    player = SequencePlayer(TEXT, good, step=2)
    assert player.untouched()
    player.unit = 3
    assert not player.untouched()
    player.unit = 0
    assert player.untouched()


def test_settings_follow_and_keep_their_limits():
    player = SequencePlayer(TEXT, good)
    seen = []
    player.observe(lambda change: seen.append((change.name, change.new)), ["step", "unit", "sort"])
    player.step, player.unit, player.sort = 5, 2, "half_life"
    assert seen == [("step", 5), ("unit", 2), ("sort", "half_life")]
    for name, value in (("step", T), ("unit", H), ("sort", "length")):
        before = player.state()
        with pytest.raises(ValueError, match=f"{name}: expected"):
            player.set_trait(name, value)
        assert player.state() == before
    with pytest.raises(Exception, match="read-only"):
        player.record = {}
