"""Run the jobs of an experiment on all processors, and keep each one that is finished.

Not in `__main__.py`: a new process cannot import from there what it is to do.
"""

import json
import os
import platform
import signal
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gru_course import experiments
from gru_course.bench.machine import processor, processors


def measure(
    name: str, file: Path, *, quick: bool = False, workers: int | None = None
) -> dict[str, Any]:
    """Run those jobs of an experiment that are not yet in the partial file, and write `file`.

    Parameters
    ----------
    name : one of `experiments.names()`
    file : the result; beside it, FILE.partial keeps the finished runs until all are there
    quick : whether to take the small settings
    workers : processes at once; None for one a processor

    Returns
    -------
    dict, as `experiments.load` returns it

    Raises
    ------
    ValueError : if there is no such experiment, or the partial file is of other settings,
        other versions or another processor
    """
    settings = experiments.settings_of(name, quick=quick)
    jobs = json.loads(json.dumps(experiments.experiment(name).jobs(settings)))
    head = {"settings": settings, "versions": versions(), "processor": processor()}
    partial = file.with_name(file.name + ".partial")
    runs = resume(partial, head)
    open_jobs = [job for job in jobs if not any(run | job == run for run in runs)]

    os.environ["OMP_NUM_THREADS"] = "1"  # for the workers: as many threads as processes
    with (
        partial.open("a", encoding="utf8") as kept,
        ProcessPoolExecutor(
            workers or processors(), mp_context=get_context("spawn"), initializer=_let_stop
        ) as pool,
        tqdm(total=len(jobs), initial=len(runs), desc=name, unit="run") as bar,
    ):
        futures = [pool.submit(_work, name, job, settings) for job in open_jobs]
        try:
            for future in as_completed(futures):
                runs.append(future.result())
                kept.write(json.dumps(runs[-1]) + "\n")
                kept.flush()
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise

    runs = [next(run for run in runs if run | job == run) for job in jobs]  # in their order
    spent = round(sum(run["processor_seconds"] for run in runs), 1)
    today = datetime.now(UTC).date().isoformat()
    result = head | {"date": today, "processor_seconds": spent, "runs": runs}
    _write(file, result)
    partial.unlink()
    return result


def versions() -> dict[str, str]:
    """Of what the numbers may depend on."""
    return {"python": platform.python_version()} | {p: version(p) for p in ("numpy", "torch")}


def resume(partial: Path, head: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs in a partial file, which is begun if there is none.

    A last line that a stop has cut short is dropped. ValueError if the file has another head.
    """
    lines = partial.read_text("utf8").splitlines(keepends=True) if partial.exists() else []
    whole = [json.loads(line) for line in lines if line.endswith("\n")]
    if whole and (changed := experiments.difference(head, whole[0])):
        raise ValueError(
            f"{partial} was begun otherwise: {changed}; delete the file to start anew, or go "
            "back to what it was begun with"
        )
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text("".join(json.dumps(line) + "\n" for line in whole or [head]), "utf8")
    return whole[1:]


def _let_stop():
    """In a worker: Ctrl-C ends it at once and without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _work(name, job, settings):
    """In a worker: one job, its numbers, and the processor time that it took."""
    module, start = experiments.experiment(name), time.process_time()
    numbers = module.run(job, settings)
    return job | numbers | {"processor_seconds": round(time.process_time() - start, 2)}


def _write(file, result):
    """One run a line, so that git shows which ones have changed; the whole file or none of it."""
    lines = [f" {json.dumps(key)}: {json.dumps(result[key])}" for key in result if key != "runs"]
    runs = ",\n".join(f"  {json.dumps(run)}" for run in result["runs"])
    text = ",\n".join([*lines, f' "runs": [\n{runs}\n ]'])
    beside = file.with_name(file.name + ".tmp")
    beside.write_text(f"{{\n{text}\n}}\n", "utf8")
    os.replace(beside, file)
