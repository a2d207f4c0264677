"""The files around the book agree with each other."""

import os
import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata

import yaml
from packaging.specifiers import SpecifierSet
from sources import BRANCH, REPOSITORY, ROOT, tracked

from gru_course import __version__

# Distributions that environment.yml pins beside what the package itself depends on.
READERS_TOOLS = {"jupyter-book", "jupyterlab", "nbval", "triton"}


def pins(lines) -> dict[str, str]:
    return dict(line.strip().split("==") for line in lines if "==" in line)


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]


LOCK = pins((ROOT / "requirements.lock").read_text("utf8").splitlines())
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text("utf8"))


def test_environment_installs_what_the_lock_pins():
    (pip,) = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    wanted = {re.split(r"[<>=]", name)[0] for name in project()["dependencies"]} | READERS_TOOLS
    assert pins(pip) == {name: LOCK[name] for name in wanted}


def test_environment_has_the_oldest_python():
    oldest = project()["requires-python"].removeprefix(">=")
    assert f"python={oldest}" in ENVIRONMENT["dependencies"]


def test_lock_pins_every_extra():
    known = {name.lower().replace("_", "-") for name in LOCK}
    extras = project()["optional-dependencies"]
    for requirement in [name for extra in extras.values() for name in extra]:
        unmarked = requirement.partition(";")[0]
        name, _, version = re.sub(r"\[.*?\]", "", unmarked).partition("==")
        assert name.lower() in known, name
        assert version in ("", LOCK.get(name, "")), name


def test_lock_installs_on_the_oldest_python():
    oldest = project()["requires-python"].removeprefix(">=") + ".0"
    seen = 0
    for name, version in LOCK.items():
        try:
            found = metadata(name)
        except PackageNotFoundError:  # that of an extra which is not installed here
            continue
        if found["Version"] == version:
            seen += 1
            assert oldest in SpecifierSet(found["Requires-Python"] or ""), name
    assert seen > 100


def test_one_repository_address():
    """Whatever names the project's repository names the one of _config.yml."""
    slug = REPOSITORY.removeprefix("https://github.com/")
    mention = re.compile(r"github(?:\.com)?/([\w-]+/gru-course)\b|/v2/gh/([\w-]+/[\w-]+)/([\w-]+)")
    found = 0
    for name in sorted(tracked()):
        if not name.endswith((".md", ".ipynb", ".yml", ".cff", ".toml", ".py")):
            continue
        for match in mention.finditer((ROOT / name).read_text("utf8")):
            found += 1
            assert (match[1] or match[2]) == slug, name
            assert match[3] in (None, BRANCH), name
    assert found > 3


def test_launch_badges_open_tracked_notebooks():
    readme = (ROOT / "README.md").read_text("utf8")
    opened = re.findall(r"(?:lab/tree|blob/\w+)/(book/[\w/-]+\.ipynb)", readme)
    assert len(opened) == 2
    assert set(opened) <= tracked()


def test_readme_commands_are_what_continuous_integration_runs():
    readme = (ROOT / "README.md").read_text("utf8")
    assert re.search(r"^make book$", readme, re.MULTILINE)
    assert re.search(r"^make test$", readme, re.MULTILINE)
    run = (ROOT / ".ci" / "run").read_text("utf8").splitlines()
    assert run[-3:] == ["make browser", "make check", "make test"]


def test_scripts_are_executable():
    scripts = (".ci/browser", ".ci/run", ".ci/setup", "postBuild")
    assert all(os.access(ROOT / name, os.X_OK) for name in scripts)


def test_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["version"] == __version__
    assert citation["repository-code"] == REPOSITORY
