"""The states of a linear recurrence one after the other, and as a tree: which steps are joined."""

from typing import NamedTuple

from gru_course.goals import digits
from gru_course.widgets._base import CourseWidget
from gru_course.widgets._settings import Choice, Number, Whole

T = 8
LAST = T - 1  # the level after which the slowest method is done
METHODS = {"chain": "one after the other", "doubling": "doubling", "tree": "up and down"}


class Pair(NamedTuple):
    """The steps `first` to `last` as one step, h_last = a h_{first - 1} + b."""

    first: int
    last: int
    a: float
    b: float

    @property
    def span(self) -> str:
        """The steps covered, as the page writes them."""
        return f"{self.first}–{self.last}" if self.first < self.last else f"{self.last}"


def join(earlier: Pair, later: Pair) -> Pair:
    """Two neighbouring pairs as one: (a, b), then (a', b'), is (a' a, a' b + b').

    Parameters
    ----------
    earlier, later : Pair, the later one beginning right after the earlier one

    Returns
    -------
    Pair

    >>> join(Pair(1, 2, 0.5, 1.0), Pair(3, 3, 0.5, 2.0))
    Pair(first=1, last=3, a=0.25, b=2.5)
    """
    return Pair(earlier.first, later.last, later.a * earlier.a, later.a * earlier.b + later.b)


def levels(method: str) -> list[list[tuple[int, int]]]:
    """What each level of a method joins, all at once, over T = 8 steps.

    Parameters
    ----------
    method : "chain", "doubling" or "tree"

    Returns
    -------
    list of lists of (t, earlier t): the pair that ends at step t gets the other one in front

    >>> [len(joined) for joined in levels("tree")]
    [4, 2, 1, 1, 3]
    """
    if method == "chain":
        return [[(t, t - 1)] for t in range(2, T + 1)]
    if method == "doubling":
        return [[(t, t - s) for t in range(s + 1, T + 1)] for s in (1, 2, 4)]
    up = [[(t, t - s) for t in range(2 * s, T + 1, 2 * s)] for s in (1, 2, 4)]
    down = [[(t, t - s) for t in range(3 * s, T + 1, 2 * s)] for s in (2, 1)]
    return up + down


class ScanTree(CourseWidget):
    """The recurrence of a minGRU's unit over eight steps, computed in three orders, with sliders.

        h_t = a_t h_{t-1} + b_t,  a_t = z_t,  b_t = (1 - z_t) n_t,  h_0 = 0

    Two neighbouring steps are again one such step, so the pairs (a, b) can be joined in any
    grouping: "chain" joins one after the other, "doubling" joins at every step of every level,
    "tree" goes up and down. The pair that covers the steps 1 to t has b = h_t.

    {arguments}

    Notes
    -----
    Doubling: Hillis and Steele (1986), doi:10.1145/7902.7903. Up and down: Blelloch (1990),
    "Prefix sums and their applications", in the form of Brent and Kung (1982),
    doi:10.1109/TC.1982.1675982, in which each step includes itself.

    >>> tree = ScanTree(method="tree", z=0.5, pulse=2, level=7)
    >>> [round(pair.b, 3) for pair in tree.pairs()]
    [0.0, 0.5, 0.25, 0.125, 0.062, 0.031, 0.016, 0.008]
    >>> {method: tree.counts(method)["work"] for method in ("chain", "doubling", "tree")}
    {'chain': 7, 'doubling': 17, 'tree': 11}
    """

    module = "scan_tree"

    method = Choice(METHODS, "doubling", label="Compute", help="the order of the computation")
    at = Whole(1, T, T, label="pair at step", help="step whose pair is written out")
    z = Number(0, 1, 0.8, color="z", label="gate <i>z</i>", help="gate z at all steps")
    overwrite = Whole(0, T, 0, label="<i>z</i> = 0 at step", help="step at which the gate is 0")
    pulse = Whole(
        1, T, 2, label="<i>n</i> = 1 at step", help="step of the pulse, at which the candidate is 1"
    )
    level = Whole(0, LAST, LAST, help="how many levels of the method have been computed")

    def pairs(self, method: str | None = None) -> list[Pair]:
        """The pair that ends at each step, after the widget's level.

        Parameters
        ----------
        method : "chain", "doubling" or "tree"; None for the widget's own

        Returns
        -------
        list of 8 Pair
        """
        zs = [0.0 if t == self.overwrite else self.z for t in range(1, T + 1)]
        pairs = [
            Pair(t, t, z, 1 - z if t == self.pulse else 0.0) for t, z in enumerate(zs, start=1)
        ]
        for joined in levels(method or self.method)[: self.level]:
            before = list(pairs)
            for t, earlier in joined:
                pairs[t - 1] = join(before[earlier - 1], before[t - 1])
        return pairs

    def counts(self, method: str) -> dict[str, int]:
        """How far a method has come after the widget's level.

        Parameters
        ----------
        method : "chain", "doubling" or "tree"

        Returns
        -------
        dict of int: depth, the levels that it needed so far; work, the pairs joined; known, the
        states that are there
        """
        done = levels(method)[: self.level]
        return {
            "depth": len(done),
            "work": sum(map(len, done)),
            "known": sum(pair.first == 1 for pair in self.pairs(method)),
        }

    def readings(self) -> dict[str, float]:
        """All settings; the pair that ends at each step t: first_t, a_t and b_t; work and known.

        Returns
        -------
        dict of floats
        """
        counts = self.counts(self.method)
        readings = {"work": float(counts["work"]), "known": float(counts["known"])}
        for pair in self.pairs():
            t = pair.last
            readings |= {f"first_{t}": float(pair.first), f"a_{t}": pair.a, f"b_{t}": pair.b}
        return {**self.settings(), **readings}

    def still(self) -> str:
        tables = [
            ScanTree(**{**self.state(), "level": level}).pairs()
            for level in range(len(levels(self.method)) + 1)
        ]
        head = "".join(f'<th scope="col">{t}</th>' for t in range(1, T + 1))
        rows = ""
        for level, pairs in enumerate(tables):
            cells = "".join(f"<td>{pair.span}</td>" for pair in pairs)
            rows += f'<tr><th scope="row">{level}</th>{cells}</tr>'
        states = ", ".join(digits(pair.b) for pair in tables[-1])
        totals = ", ".join(
            f"{name} {sum(map(len, levels(key)))} pairs in {len(levels(key))} levels"
            for key, name in METHODS.items()
        )
        return (
            '<figure class="gru-still" style="margin:0 auto;max-width:480px">'
            '<table style="width:100%"><thead><tr><th scope="col">level</th>'
            f"{head}</tr></thead><tbody>{rows}</tbody></table>"
            "<figcaption>Which steps the pair that ends at each step covers, level by level of the "
            f"method “{METHODS[self.method]}”. Joined in all: {totals}. At the end the states "
            f"h<sub>1</sub> to h<sub>8</sub> are {states}. With JavaScript on, this is a picture "
            "with sliders."
            "</figcaption></figure>"
        )
