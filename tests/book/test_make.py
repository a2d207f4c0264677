"""The Makefile's messages, its set-up and its targets, tried with stand-ins for what is slow."""

import os
import re
import shutil
import socket
import subprocess
import sys

import pytest
from sources import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf8")

# Stands for pip: "installs" three packages unless they have metadata, and notes how it was called.
PIP = """
import os, pathlib, sys
here = pathlib.Path.cwd()
with open(here / "pip.log", "a") as log:
    print(*sys.argv[1:], file=log)
site = pathlib.Path(__file__).parents[1]
for name in ("numpy", "torch", "jupyter_book"):
    if (site / f"{name}-1.0.dist-info").exists():
        continue
    (site / name).mkdir(exist_ok=True)
    (site / name / "__init__.py").write_text("")
    (site / f"{name}-1.0.dist-info").mkdir()
    if name == "torch" and (here / "interrupt").exists():
        (here / "interrupt").unlink()
        sys.exit(130)
    files = (f"{name}/__init__.py,,", f"{name}/__init__.pyc,,", f"{name}-1.0.dist-info/RECORD,,")
    (site / f"{name}-1.0.dist-info" / "RECORD").write_text("\\n".join(files))
"""


def make(folder, *arguments, path=None):
    # Without MAKEFLAGS and the like, since the tests themselves may run under make.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    environment = kept | {"PATH": path or os.environ["PATH"]}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def script(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


@pytest.fixture
def project(tmp_path):
    """A folder with the Makefile and what it reads, but no .venv."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    return tmp_path


@pytest.fixture
def setup(project):
    """Runs make with a Python whose virtual environments have the stand-in for pip."""
    (project / "stub.py").write_text(PIP)
    python = project / "bin" / "python3"
    script(
        python,
        f"""#!/bin/bash
[ "$1" = -c ] && exec {sys.executable} "$@"
{sys.executable} -m venv --without-pip .venv
for site in .venv/lib/*/site-packages; do mkdir -p $site/pip; cp stub.py $site/pip/__main__.py; done
echo venv >> pip.log
""",
    )

    def run(*arguments):
        (project / "pip.log").unlink(missing_ok=True)
        told = make(project, f"PYTHON={python}", *arguments)
        log = project / "pip.log"
        return told, log.read_text().splitlines() if log.exists() else []

    return run


def site_packages(project):
    return next((project / ".venv" / "lib").glob("*/site-packages"))


@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_help_lists_every_target(arguments):
    targets = re.search(r"\.PHONY: ((?:.*\\\n)*.*)", MAKEFILE)[1].replace("\\", "").split()
    shown = make(ROOT, *arguments)
    assert shown.returncode == 0
    lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines())
    assert sorted(lines) == sorted(targets)
    assert all(len(text) > 10 for text in lines.values())


@pytest.mark.parametrize("target", ["book", "test", "check", "execute", "serve"])
def test_old_python_is_told_which_version_is_needed(project, tmp_path, target):
    binaries = tmp_path / "bin"
    old = '#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.8.18" && exit 0\nexit 1\n'
    script(binaries / "python3", old)
    told = make(project, target, path=f"{binaries}{os.pathsep}{os.environ['PATH']}")
    assert told.returncode != 0
    assert "needs Python 3.11 or newer; python3 is Python 3.8.18" in told.stderr
    assert f"make PYTHON=python3.12 {target}" in told.stderr
    assert not (project / ".venv").exists()


def test_a_python_that_is_not_there_is_told_so(project):
    told = make(project, "book", "PYTHON=/nope")
    assert told.returncode != 0
    assert "There is no Python at PYTHON=/nope." in told.stderr
    assert "make PYTHON=python3.12 book" in told.stderr
    assert "not found" not in told.stderr


def test_the_book_needs_no_test_tools(setup):
    told, log = setup("setup")
    assert told.returncode == 0, told.stderr
    assert log[0] == "venv"
    assert [line.split()[-1] for line in log[1:]] == [".[book]"]
    assert setup("setup")[1] == []  # nothing is left to do
    assert [line.split()[-1] for line in setup("setup-test")[1]] == [".[book,test]"]
    assert setup("setup-test")[1] == []


def test_torch_comes_from_the_index_that_is_named(setup):
    log = setup("setup", "TORCH_INDEX=https://download.pytorch.org/whl/cpu")[1]
    (torch,) = re.findall(r"^torch==\S+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert f"--index-url https://download.pytorch.org/whl/cpu {torch}" in log[1]
    assert log[2].endswith("-e .[book]")


@pytest.mark.parametrize("file", ["requirements.lock", "pyproject.toml"])
def test_a_changed_requirement_is_installed(setup, project, file):
    setup("setup")
    newer = (project / ".venv" / "book.installed").stat().st_mtime + 10
    os.utime(project / file, (newer, newer))
    assert [line.split()[-1] for line in setup("setup")[1]] == [".[book]"]


def test_an_interrupted_installation_goes_on(setup, project):
    (project / "interrupt").touch()
    told, _ = setup("setup")
    assert told.returncode != 0
    assert "`make clean`" in told.stderr
    told, log = setup("setup")
    assert told.returncode == 0
    assert "torch" in told.stderr  # it had metadata, but no record of its files
    assert log[0].endswith("-e .[book]")
    assert (site_packages(project) / "torch-1.0.dist-info" / "RECORD").exists()


@pytest.mark.parametrize("damage", ["numpy", "numpy-1.0.dist-info", "both"])
def test_a_damaged_package_is_named_and_installed_again(setup, project, damage):
    setup("setup")
    packages = site_packages(project)
    for name in ("numpy", "numpy-1.0.dist-info"):
        if damage in (name, "both"):
            shutil.rmtree(packages / name)
    told, log = setup("setup")
    assert told.returncode == 0
    assert "Not whole in .venv, installed again: numpy." in told.stderr
    assert len(log) == 1
    assert (packages / "numpy" / "__init__.py").exists()
    assert setup("setup")[1] == []


@pytest.mark.parametrize("gone", ["python", "pip"])
def test_without_its_python_or_pip_the_environment_is_made_afresh(setup, project, gone):
    setup("setup")
    if gone == "python":
        for link in (project / ".venv" / "bin").glob("python*"):
            link.unlink()
            link.symlink_to("/nope/python3")
    else:
        shutil.rmtree(site_packages(project) / "pip")
    told, log = setup("setup")
    assert told.returncode == 0
    assert "setting .venv up afresh" in told.stderr
    assert log[0] == "venv"


def building(project, text):
    script(
        project / ".venv" / "bin" / "jupyter-book",
        f"""#!/bin/bash
test -f _build/html/index.html || echo "no old book" >> seen
while [ "$1" != --path-output ]; do shift; done
mkdir -p "$2/_build/html"
{text} > "$2/_build/html/index.html"
""",
    )


def test_the_old_book_stays_until_the_new_one_is_built(setup, project):
    setup("setup")
    page = project / "_build" / "html" / "index.html"
    building(project, "echo first")
    assert setup("book")[0].returncode == 0
    assert page.read_text() == "first\n"
    (project / "seen").unlink()  # the first build had no book before it
    building(project, "false")
    assert setup("book")[0].returncode != 0
    assert page.read_text() == "first\n"
    building(project, "echo second")
    assert setup("book")[0].returncode == 0
    assert page.read_text() == "second\n"
    assert not (project / "seen").exists()


@pytest.mark.parametrize("port", ["taken", "no-number", "99999"])
def test_a_port_that_cannot_be_used_is_told_and_nothing_opened(setup, project, port):
    setup("setup")
    building(project, "echo book")
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = str(stranger.getsockname()[1]) if port == "taken" else port
        told = setup("serve", f"PORT={port}", f"BROWSER=touch {project}/opened %s")[0]
    assert told.returncode != 0
    assert f"PORT={port} cannot be used" in told.stderr
    assert "make serve PORT=8001" in told.stderr
    assert not (project / "opened").exists()


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (["test"], ["--nbval"]),
        (["test", "T=book/gating/gru.ipynb::Cell 3"], ["--nbval", "book/gating/gru.ipynb::Cell 3"]),
        (["quick"], ["tests", "gru_course", "tests/browser", "tests/book", "tests/nn/kernels"]),
    ],
)
def test_what_pytest_is_called_with(setup, project, target, seen):
    setup("setup-test")
    pytest_package = site_packages(project) / "pytest"
    pytest_package.mkdir()
    (pytest_package / "__main__.py").write_text("import sys; print(*sys.argv[1:], sep='\\n')")
    told, _ = setup(*target)
    assert told.returncode == 0, told.stderr
    called = told.stdout.splitlines()
    assert set(seen) <= set(called)
    assert ("--nbval" in called) == (target[0] == "test")
    assert called[called.index("-n") + 1] == "2"


def test_browser_says_what_to_install_where_apt_is_not(project):
    tools = project / "tools"
    tools.mkdir()
    for name in ("bash", "make", "sh"):
        (tools / name).symlink_to(shutil.which(name))
    told = make(project, "browser", path=str(tools))
    assert told.returncode != 0
    assert "Install it or Google Chrome another way" in told.stderr
    script(tools / "chromium", "#!/bin/sh\n")
    told = make(project, "browser", path=str(tools))
    assert told.returncode == 0
    assert "chromium is on the PATH" in told.stdout
