"""No notebook and no test passes or fails by a clock: `gru_course.bench claims` measures speed.

A name is a timing if a clock is read for it: what `alternate` or `perf_counter` returns, and
whatever is computed from that, through assignments, loops and functions. An assertion must not
mention one.
"""

import ast

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from sources import ROOT, cells, name, notebooks

from gru_course.bench import claims

MODULES = {"time", "timeit"}
CLOCKS = {"alternate", "default_timer", "timeit", "time.time", "time.time_ns", "timeit.repeat"} | {
    clock + unit
    for clock in ("perf_counter", "process_time", "thread_time", "monotonic")
    for unit in ("", "_ns")
}


def names(node) -> set[str]:
    """The names that a piece of code reads or binds."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            module = getattr(part.value, "id", "")
            found |= {part.attr, f"{module}.{part.attr}"} if module in MODULES else set()
        elif isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.arg):
            found.add(part.arg)
    return found


def bound(node) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def targets(node) -> set[str]:
    """What an assignment to a target changes: `times` in `times[name].best = ...`."""
    if isinstance(node, ast.Tuple | ast.List):
        return set().union(*map(targets, node.elts))
    if isinstance(node, ast.Name):
        return {node.id}
    inner = getattr(node, "value", getattr(node, "func", None))  # of `x[0]`, `x.y`, `*x`, `x()`
    return targets(inner) if inner is not None else set()


class Timings(ast.NodeVisitor):
    """Follows the timings through a program, and keeps the lines that assert on one."""

    def __init__(self):
        self.timed = set(CLOCKS)
        self.asserts = []

    def tells(self, *nodes) -> bool:
        return any(node is not None and names(node) & self.timed for node in nodes)

    def bind(self, target, value):
        """A name that is bound again forgets what it was, a container that is filled does not."""
        timed = self.tells(value)
        if isinstance(target, ast.Name | ast.Tuple):
            self.timed -= targets(target)
        if timed:
            self.timed |= targets(target)

    def loop(self, target, values):
        """Bind what `for` binds: the names in `times.items()` and the counts are no timings."""
        several = isinstance(target, ast.Tuple) and isinstance(values, ast.Call)
        called = getattr(values.func, "attr", getattr(values.func, "id", "")) if several else ""
        if called == "zip" and len(target.elts) == len(values.args):
            for part, value in zip(target.elts, values.args, strict=True):
                self.loop(part, value)
        elif called in ("items", "enumerate"):
            self.bind(target.elts[0], None)
            of = values.args[0] if called == "enumerate" else values.func.value
            self.loop(target.elts[1], of)
        else:
            self.bind(target, values)

    def visit_Assign(self, node):
        self.generic_visit(node)
        for target in node.targets:
            self.bind(target, node.value)

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if self.tells(node.value):
            self.timed |= targets(node.target)

    def visit_AnnAssign(self, node):
        self.bind(node.target, node.value)

    def visit_NamedExpr(self, node):
        self.bind(node.target, node.value)

    def visit_For(self, node):
        self.loop(node.target, node.iter)
        for statement in 2 * node.body + node.orelse:  # twice: what the first round leaves
            self.visit(statement)

    def visit_While(self, node):
        for statement in 2 * node.body + node.orelse:
            self.visit(statement)

    def visit_comprehension(self, node):
        self.loop(node.target, node.iter)
        self.generic_visit(node)

    def visit_Call(self, node):
        """`assert_allclose(...)` asserts, too."""
        self.generic_visit(node)
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called.startswith("assert") and self.tells(*node.args):
            self.asserts.append(node.lineno)

    def visit_Expr(self, node):
        """`times.append(clock())` makes `times` a timing."""
        self.generic_visit(node)
        call = node.value
        changes = isinstance(call, ast.Call) and getattr(call.func, "attr", "") in CHANGES
        if changes and self.tells(*call.args):
            self.timed |= targets(call.func)

    def visit_FunctionDef(self, node):
        """A function is a timing if it reads one that is not a name of its own."""
        before = set(self.timed)
        self.timed -= {part.id for part in filter(bound, ast.walk(node))} | names(node.args)
        own = self.tells(*node.body)
        for statement in node.body:
            self.visit(statement)
        self.timed = before - {node.name} | ({node.name} if own else set())

    def visit_Lambda(self, node):
        """What it reads counts where it is used."""

    def visit_Assert(self, node):
        self.generic_visit(node)
        if self.tells(node.test):
            self.asserts.append(node.lineno)

    def visit_If(self, node):
        self.generic_visit(node)
        if self.tells(node.test) and any(isinstance(part, ast.Raise) for part in node.body):
            self.asserts.append(node.lineno)


# Those of the browser wait for another program, and must give up at some time.
TESTS = [p for p in sorted((ROOT / "tests").rglob("test_*.py")) if p.parent.name != "browser"]
CHANGES = {"append", "extend", "insert", "add", "update", "setdefault"}


def follow(sources: list[str]) -> list[tuple[int, str]]:
    """(number of the piece, line) of each assertion on a timing in pieces of one program."""
    timings, found = Timings(), []
    for number, source in enumerate(sources):
        timings.asserts.clear()
        timings.visit(ast.parse(source))
        lines = source.splitlines()
        found += [(number, lines[line - 1].strip()) for line in sorted(set(timings.asserts))]
    return found


def code(path) -> list[str]:
    return [TransformerManager().transform_cell(cell["source"]) for cell in cells(path, "code")]


def measures(path) -> bool:
    return any(names(ast.parse(source)) & CLOCKS for source in code(path))


@pytest.mark.parametrize("path", notebooks(), ids=name)
def test_no_notebook_asserts_on_a_time(path):
    assert not follow(code(path)), "print it, and let gru_course.bench.claims hold it"


def test_each_notebook_that_measures_time_has_claims_or_says_why_not():
    """And claims belong to notebooks that exist."""
    held = set(claims.CLAIMS) | set(claims.NO_CLAIM)
    assert held == {name(path) for path in notebooks() if measures(path)}
    assert not set(claims.CLAIMS) & set(claims.NO_CLAIM)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_no_test_asserts_on_a_time(path):
    assert not follow([path.read_text("utf8")])


@pytest.mark.parametrize(
    "source",
    [
        "times = alternate(runs)\nassert times['a'] > times['b']",
        "assert alternate(runs)['a'] < 1",
        "a, b = prices(alternate(runs))\nc = 2 * a\nassert c > 1",
        "for name, t in alternate(runs).items():\n    assert t.min() > 0",
        "took = []\nfor _ in range(3):\n    took.append(time.perf_counter())\nassert min(took) < 1",
        "took = {}\ntook['a'] = process_time()\nassert took['a'] < 1",
        "def seconds(f):\n    start = perf_counter()\n    f()\n    return perf_counter() - start\n"
        "\nassert seconds(f) < 1",
        "def test():\n    start = time.time()\n    assert time.time() - start < 1",
        "last = 0\nfor _ in range(3):\n    assert last < 1\n    last = time.monotonic_ns()",
        "ratio = {k: v / 2 for k, v in alternate(runs).items()}\nassert ratio['a'] > 1",
        "t = timeit.repeat(f)\nnp.testing.assert_array_less(t, 1)",
        "if timeit.timeit(f) > 1:\n    raise ValueError",
        "total = 0\ntotal += perf_counter()\nassert total < 1",
    ],
)
def test_an_assertion_on_a_time_is_found(source):
    assert len(follow(source.split("\n\n"))) == 1
    assert len(follow([source])) == 1


@pytest.mark.parametrize(
    "source",
    [
        "times = alternate(runs)\nprint(times)\nassert len(runs) == 2",
        "times = alternate(runs)\ntimes = 3\nassert times == 3",
        "def ratio(times):\n    return times[0] / times[1]\n\ntimes = alternate(runs)\n"
        "assert ratio(counts) == 2",
        "time.sleep(1)\nassert done",
        "assert layer.time == 3",
    ],
)
def test_other_assertions_are_left_alone(source):
    assert not follow([source])
