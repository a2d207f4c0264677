"""Whether each package of this environment is whole: `python .ci/whole.py STAMP`.

A package that lacks files is named, and its metadata removed: pip then takes it for missing and
installs it again, which it does not by itself. The exit status is 1 for such a package, for one
that STAMP names and that is gone, and where there is no STAMP. `--list` prints the names instead.
"""

import csv
import shutil
import sys
import sysconfig
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))


def name(metadata):
    return metadata.name.partition("-")[0]


def whole(metadata):
    """Whether all files are there that pip recorded, which it does last."""
    record = metadata / "RECORD"
    if not record.exists():
        return False
    files = [row[0] for row in csv.reader(record.read_text("utf8").splitlines()) if row]
    return all((SITE / file).exists() for file in files if not file.endswith(".pyc"))


def main(stamp):
    found = sorted(SITE.glob("*.dist-info"))
    if stamp == "--list":
        print(*map(name, found), sep="\n")
        return 0
    damaged = [metadata for metadata in found if not whole(metadata)]
    there = {name(metadata) for metadata in found if metadata not in damaged}
    for metadata in damaged:
        shutil.rmtree(metadata)
    wanted = set(Path(stamp).read_text("utf8").split()) if Path(stamp).exists() else set()
    lost = sorted(wanted - there | set(map(name, damaged)))
    if lost:
        print(f"Not whole in .venv, installed again: {', '.join(lost)}.", file=sys.stderr)
    return 1 if lost or not wanted else 0


sys.exit(main(sys.argv[1]))
