"""Hold what mutmut's run left alive against mutants.toml: `make mutants` calls this last."""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

CAUGHT = {"timeout", "segfault"}  # what mutmut calls killed it does not list at all
LISTED = Path(__file__).with_suffix(".toml")
MUTMUT = Path(sys.executable).with_name("mutmut")


def mutmut(*arguments: str) -> str:
    run = subprocess.run([MUTMUT, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return run.stdout


def survivors():
    """Each mutant that no test caught, as "module.function: the line it became"."""
    for name, status in re.findall(r"^ +(\S+): (.+)$", mutmut("results"), re.MULTILINE):
        if status == "survived":
            where = re.sub(r"gru_course\.(.+)\.x_(.+)__mutmut_\d+", r"\1.\2", name)
            lines = re.findall(r"^\+(?!\+) *(.*)$", mutmut("show", name), re.MULTILINE)
            yield f"{where}: {' '.join(lines)}"
        elif status not in CAUGHT:
            yield f"{name}: {status}"


def main() -> int:
    entries = tomllib.loads(LISTED.read_text("utf8"))["equivalent"]
    listed = Counter(mutant for entry in entries for mutant in entry["mutants"])
    alive = Counter(survivors())
    for mutant in (alive - listed).elements():
        print(f"No test fails: {mutant}")
    for mutant in (listed - alive).elements():
        print(f"Listed in {LISTED.name}, but killed or gone: {mutant}")
    print(f"{alive.total()} mutants survive, {listed.total()} are listed.")
    return int(alive != listed)


if __name__ == "__main__":
    sys.exit(main())
