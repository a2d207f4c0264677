"""`python -m gru_course.bench cpu|scan|claims|gpu`: times and ratios on this machine.

"claims" measures each sentence of the course that says what is faster, prints which of them hold
here, and exits with 1 where one falls.
"""

import argparse
import json
import platform
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from gru_course.bench import contenders
from gru_course.bench.machine import processor, processors
from gru_course.bench.process import Contender
from gru_course.bench.timing import in_turn

ROUNDS = 9
PASSES = {"forward": False, "forward + backward": True}


def sizes(text):
    """Four whole numbers from "B,T,D,H"."""
    numbers = tuple(int(part) for part in text.split(","))
    if len(numbers) != 4 or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"expected B,T,D,H, such as 16,128,64,128, got {text!r}")
    return numbers


def parse():
    parser = argparse.ArgumentParser(prog="python -m gru_course.bench", description=__doc__)
    parser.add_argument("table", choices=[*contenders.TABLES, "claims", "gpu"])
    parser.add_argument("--json", metavar="FILE", help="write every round's times there, too")
    parser.add_argument(
        "--size",
        type=sizes,
        action="append",
        metavar="B,T,D,H",
        help="batch, steps, input and hidden size; may be repeated; else the table's own sizes",
    )
    arguments = parser.parse_args()
    if arguments.table == "claims" and (arguments.json or arguments.size):
        parser.error("claims are printed, at their own sizes: --json and --size are for the tables")
    return arguments


def installed(makers):
    """Those whose libraries are there."""
    there = all(find_spec(library) for library in ("onnx", "onnxruntime"))
    if there or contenders.onnx_runtime not in makers.values():
        return makers
    print('Without ONNX Runtime, which `pip install "gru-course[test]"` brings.')
    return {name: make for name, make in makers.items() if make != contenders.onnx_runtime}


def race(makers, threads, table):
    """Time every contender at every size; yields a record for each size and pass."""
    running, libraries = [Contender(name, make, threads) for name, make in makers.items()], {}
    try:
        for size in table:
            has_backward = {c.name: c.ask("build", *size) for c in running}
            if size == table[0]:  # by now each has loaded its libraries
                libraries = {c.name: c.ask("describe") for c in running}
                describe(libraries, threads)
            for name, backward in PASSES.items():
                clocks = {
                    c.name: lambda calls, c=c, b=backward: c.ask("time", b, calls)
                    for c in running
                    if has_backward[c.name] or not backward
                }
                times = in_turn(clocks, ROUNDS)
                yield {
                    "threads": threads,
                    "size": size,
                    "pass": name,
                    "times": times,
                    "libraries": libraries,
                }
    finally:
        for contender in running:
            contender.close()


def describe(libraries, threads):
    """Print what each process loaded: versions, and which core its kernels were written for."""
    print(f"\n# On the CPU, {threads} thread(s) of {processors()}: {processor()}")
    print(f"Python {platform.python_version()}, {platform.platform()}")
    for name, found in libraries.items():
        versions = [f"{library} {version}" for library, version in found["versions"].items()]
        pools = [
            f"{p['internal_api']} ({p['architecture'] or 'own choice'}, {p['num_threads']})"
            for p in found["pools"]
        ]
        print(f"{name}: {', '.join(versions + pools)}")


def show(record, baseline):
    """Print median and quartiles of the times, and of how many times the baseline takes as long."""
    print(f"\n## {record['pass']}, (B, T, D, H) = {record['size']}, {record['threads']} thread(s)")
    base = record["times"][baseline]
    print(f"{'':24}{'ms':>10}  {'quartiles':>21}  {baseline + ' / this':>20}  quartiles")
    for name, seconds in record["times"].items():
        low, middle, high = np.percentile(1000 * seconds, [25, 50, 75])
        least, ratio, most = np.percentile(base / seconds, [25, 50, 75])
        spread = f"{low:.3f} to {high:.3f}"
        print(f"{name:24}{middle:10.3f}  {spread:>21}  {ratio:20.2f}  {least:.2f} to {most:.2f}")


def memory(makers, table):
    """By how much a forward and a backward pass raises the peak memory, each in a new process."""
    for size in table[-2:]:
        print(f"\n## Peak memory of forward + backward in MiB, (B, T, D, H) = {size}")
        for name, make in makers.items():
            contender = Contender(name, make, threads=1)
            contender.ask("build", 1, 2, 2, 2)
            contender.ask("time", True, 2)  # loads what a library loads at its first use
            contender.ask("build", *size)
            mebibytes = contender.ask("peak")
            contender.close()
            print(f"{name:24}{mebibytes:10.0f}")
            yield {"size": size, "name": name, "mebibytes": mebibytes}


def write(results, file):
    """Called after each record, so that a run that is stopped leaves what it measured."""
    if file:
        Path(file).write_text(json.dumps(results, indent=1, default=np.ndarray.tolist), "utf8")


def main():
    arguments = parse()
    if arguments.table == "claims":
        from gru_course.bench import claims  # loads torch

        sys.exit(claims.measure(claims.CLAIMS))
    if arguments.table == "gpu":
        from gru_course.bench import gpu, gpu_card  # these load torch

        results = {}
        for _ in gpu.measure(results, gpu_card.device(), arguments.size):
            write(results, arguments.json)
        return
    chosen = contenders.TABLES[arguments.table]
    makers, table = installed(chosen.makers), arguments.size or chosen.sizes
    results = {"processor": processor(), "races": [], "memory": []}

    def keep(part, record):
        results[part].append(record)
        write(results, arguments.json)

    for threads in sorted({1, processors()}):
        for record in race(makers, threads, table):
            show(record, chosen.baseline)
            keep("races", record)
    for record in memory({name: makers[name] for name in chosen.measured_memory}, table):
        keep("memory", record)


if __name__ == "__main__":
    main()
