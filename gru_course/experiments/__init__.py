"""Measurements that take longer than a chapter may, and what they found.

`python -m gru_course.experiments NAME` runs one and writes results/NAME.json in this folder;
`load(NAME)` gives a chapter what stands there. An experiment is a module of this folder with

    SETTINGS             dict: all that decides its numbers, in values that JSON knows
    QUICK                dict: what --quick puts in the place of some of them
    jobs(settings)       list of dicts, one a run that needs no other run
    run(job, settings)   dict: the raw numbers of one job

and `recall.py` is the one to copy. A job is what is computed anew after a stop, so that it should
take seconds or minutes. Nothing edits a result by hand: where the settings change, run it again.
"""

import json
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


def names() -> list[str]:
    """The experiments that there are.

    >>> "recall" in names()
    True
    """
    return sorted(each.name for each in iter_modules(__path__) if not each.name.startswith("_"))


def experiment(name: str) -> ModuleType:
    """The module of an experiment; a ValueError if there is none of this name."""
    if name not in names():
        raise ValueError(f"name: expected one of {', '.join(names())}, got {name!r}")
    return import_module(f"{__name__}.{name}")


def settings_of(name: str, *, quick: bool = False) -> dict[str, Any]:
    """The settings of an experiment as JSON would give them back, tuples as lists."""
    module = experiment(name)
    return json.loads(json.dumps(module.SETTINGS | (module.QUICK if quick else {})))


def load(name: str) -> dict[str, Any]:
    """What an experiment found, from results/NAME.json.

    Parameters
    ----------
    name : one of `names()`

    Returns
    -------
    dict of "settings", "versions", "processor", "date", "processor_seconds" and "runs", a list of
    one dict a run: its job, its numbers and its "processor_seconds"

    Raises
    ------
    ValueError : if there is no such experiment, it has not been run, or its code has other
        settings now than the result was made with

    >>> result = load("recall")
    >>> len(result["runs"][0]["losses"]) == len(result["settings"]["updates"])
    True
    """
    settings = settings_of(name)
    file = files(__name__) / "results" / f"{name}.json"
    again = f"run `python -m gru_course.experiments {name}`"
    if not file.is_file():
        raise ValueError(f"{name}: there is no result yet; {again}")
    result = json.loads(file.read_text("utf8"))
    if changed := difference(settings, result["settings"]):
        raise ValueError(f"{name}: the result is older than its code, {changed}; {again}")
    return result


def difference(code: dict[str, Any], file: dict[str, Any]) -> str:
    """What differs first between the settings of the code and those of a file; "" if nothing.

    >>> difference({"lr": 0.1, "seeds": [0]}, {"lr": 0.1, "seeds": [0, 1]})
    'seeds is [0] in the code and [0, 1] in the file'
    """
    for key in code | file:
        ours, theirs = code.get(key, "not there"), file.get(key, "not there")
        if ours != theirs:
            return f"{key} is {ours} in the code and {theirs} in the file"
    return ""


def select(runs: list[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    """Those runs in which every named entry has the wanted value.

    Raises
    ------
    ValueError : if there is none, which a misspelt value would hide otherwise

    >>> select([{"lr": 0.1, "seed": 0}, {"lr": 0.2, "seed": 0}], lr=0.2)
    [{'lr': 0.2, 'seed': 0}]
    """
    found = [run for run in runs if all(run[key] == value for key, value in wanted.items())]
    if not found:
        raise ValueError(f"runs: none has {wanted}")
    return found
