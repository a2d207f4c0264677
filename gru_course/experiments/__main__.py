"""`python -m gru_course.experiments NAME [--quick]`: run an experiment and write what it found.

One process works on each processor. Every finished run is written at once to a file that ends in
".partial": after a stop, the same command goes on from there.
"""

import argparse
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from gru_course import experiments
from gru_course.experiments._measure import measure


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gru_course.experiments", description=__doc__)
    parser.add_argument("name", choices=experiments.names())
    parser.add_argument(
        "--quick", action="store_true", help="a small version, written to NAME-quick.json here"
    )
    arguments = parser.parse_args()
    name = arguments.name
    results = Path(experiments.__file__).parent / "results"
    file = Path(f"{name}-quick.json") if arguments.quick else results / f"{name}.json"
    try:
        result = measure(name, file, quick=arguments.quick)
    except ValueError as error:
        sys.exit(str(error))
    except (KeyboardInterrupt, BrokenProcessPool):  # the latter where Ctrl-C ends a worker first
        sys.exit(f"\nStopped; the same command goes on from {file}.partial.")
    minutes = result["processor_seconds"] / 60
    print(f"{len(result['runs'])} runs, {minutes:.1f} processor minutes: {file}")


if __name__ == "__main__":
    main()
