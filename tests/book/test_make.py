"""The Makefile's messages: its help, and what it says to an old Python."""

import os
import re
import shutil
import subprocess

import pytest
from sources import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf8")


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


@pytest.fixture
def project(tmp_path):
    """A folder with the Makefile and what it reads, but no .venv."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_help_lists_every_target(arguments):
    targets = re.search(r"\.PHONY: (.*)", MAKEFILE)[1].split()
    shown = make(ROOT, *arguments)
    assert shown.returncode == 0
    lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines())
    assert sorted(lines) == sorted(targets)
    assert all(len(text) > 10 for text in lines.values())


@pytest.mark.parametrize("target", ["book", "test", "check", "execute", "serve"])
def test_old_python_is_told_which_version_is_needed(project, tmp_path, target):
    binaries = tmp_path / "bin"
    binaries.mkdir()
    python = binaries / "python3"
    python.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.8.18" && exit 0\nexit 1\n')
    python.chmod(0o755)
    told = make(project, target, path=f"{binaries}{os.pathsep}{os.environ['PATH']}")
    assert told.returncode != 0
    assert "needs Python 3.11 or newer; python3 is Python 3.8.18" in told.stderr
    assert f"make PYTHON=python3.12 {target}" in told.stderr
    assert not (project / ".venv").exists()
