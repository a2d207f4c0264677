"""Functions say what they take and return: pyright checks what is said, this that it is said."""

import ast
from pathlib import Path

import pytest

import gru_course

ROOT = Path(gru_course.__file__).parent
# What `python -m gru_course.bench` runs; of the rest of bench, chapters take functions.
TOOL = {
    f"bench/{name}.py"
    for name in (
        "__main__",
        "claim_pairs",
        "claims",
        "contenders",
        "gpu",
        "gpu_card",
        "gpu_contenders",
        "process",
    )
}


def functions(body, prefix=""):
    """Name and definition of the public functions in the body of a module or a class.

    Not Triton's, which takes annotations for types of its own, nor those of an autograd Function,
    which torch calls.
    """
    for node in body:
        name = getattr(node, "name", "_")
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(node, ast.ClassDef):
            yield from functions(node.body, f"{prefix}{name}.")
        else:
            decorators = " ".join(map(ast.unparse, node.decorator_list))
            if "triton.jit" not in decorators and [a.arg for a in node.args.args][:1] != ["ctx"]:
                yield prefix + name, node


def left_open(function):
    """The parameters without a type, by name, and "return" where that is not said."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += filter(None, [arguments.vararg, arguments.kwarg])
    names = [a.arg for a in every if a.annotation is None and a.arg not in ("self", "cls")]
    return names + ["return"] * (function.returns is None and function.name != "__init__")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f(a, b: int, *c, d=1, **e): ...", {"f": ["a", "d", "c", "e", "return"]}),
        ("def f(a: int) -> None: ...\ndef _g(a): ...", {"f": []}),
        ("class A:\n  def __init__(self, a): ...\n  def _g(a): ...", {"A.__init__": ["a"]}),
        ("@triton.jit\ndef f(a): ...\nclass A:\n  def forward(ctx, a): ...", {}),
    ],
)
def test_what_is_left_open_is_found(source, found):
    assert {name: left_open(f) for name, f in functions(ast.parse(source).body)} == found


def test_public_functions_are_typed():
    count, missing = 0, {}
    for path in ROOT.rglob("*.py"):
        file = path.relative_to(ROOT).as_posix()
        if file in TOOL:
            continue
        for name, function in functions(ast.parse(path.read_text("utf8")).body):
            count += 1
            if names := left_open(function):
                missing[f"{file}: {name}"] = names
    assert count > 200
    assert not missing
