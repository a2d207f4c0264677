"""One process a contender, kept warm: thread pools of different libraries disturb one another."""

import multiprocessing
import os
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def serve(pipe, make):
    """What the process does: build, time, report, until it is told None."""
    forward: Any = None
    both: Any = None
    for order, *arguments in iter(pipe.recv, None):
        if order == "build":
            forward = both = None  # free the last size before the next one is made
            forward, both = make(*arguments)
            pipe.send(both is not None)
        elif order == "time":
            backward, calls = arguments
            from gru_course.bench.timing import clock

            pipe.send(clock(both if backward else forward, calls))
        elif order == "peak":
            pipe.send(peak(both))
        elif order == "describe":
            pipe.send(describe())


def peak(function):
    """By how many MiB a call raises the most memory that this process has ever had."""
    import resource
    import sys

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    function()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (after - before) / (2**20 if sys.platform == "darwin" else 2**10)


def describe():
    """Versions, and the thread pools with the kernels that each library chose."""
    import importlib.metadata
    import sys

    from threadpoolctl import threadpool_info

    libraries = [name for name in ("numpy", "torch", "onnxruntime") if name in sys.modules]
    versions = {name: importlib.metadata.version(name) for name in libraries}
    pools = [
        {key: pool.get(key) for key in ("user_api", "internal_api", "architecture", "num_threads")}
        for pool in threadpool_info()
    ]
    return {"versions": versions, "pools": pools}


class Contender:
    """A contender in a process of its own, with the given number of threads."""

    def __init__(self, name, make, threads):
        self.name = name
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(theirs, make), daemon=True)
        # Libraries read these when they are loaded: in the new process, before anything else.
        before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
        try:
            self.process.start()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
        theirs.close()

    def ask(self, *order):
        """Send an order and wait for the answer."""
        try:
            self.pipe.send(order)
            return self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            raise SystemExit(
                f"{self.name}: its process ended with code {self.process.exitcode} while it was "
                f"told to {order[0]}; code -4 is an instruction that this processor lacks: unset "
                f"OPENBLAS_CORETYPE"
            ) from None

    def close(self):
        self.pipe.send(None)
        self.process.join()
