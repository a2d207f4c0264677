"""The table `python -m gru_course.bench gpu`: GRUs and scans on one GPU, beside what it can do.

Warm-up calls compile and set up. Each contender's inputs rotate over copies that together are
larger than the L2 cache; the weights, which every call reads, do not. Rounds alternate, as on the
CPU.
"""

from datetime import UTC, datetime
from functools import partial

import numpy as np
import torch

from gru_course.bench import gpu_contenders as gpu
from gru_course.bench.gpu_card import (
    DTYPES,
    alternate,
    card,
    copy_bandwidth,
    matrix_rates,
    products,
    ran_cudnn,
    versions,
)

ROUNDS = 15
PASSES = {"forward": False, "forward + backward": True}
SCAN_PASSES = {"forward": False, "backward": True}

# How many times as long torch.nn.GRU should take as our kernels, in each pass; other contenders.
GOALS = {
    ((64, 512, 128, 128), "bf16"): (1.3, 1.5),
    ((64, 512, 512, 512), "bf16"): (4, 3),
    ((16, 1024, 768, 768), "bf16"): (4, 3),
    ((128, 256, 1024, 1024), "bf16"): (2, 2),
    ((64, 512, 512, 512), "tf32"): (3, 2.5),
    ((64, 512, 512, 512), "ieee"): (1.5, 1.3),
}
PEER_GOALS = {gpu.EAGER: 50}
SCAN_SIZE = (16, 4096, 1024)  # B, T, H
SCAN_GOALS = (0.8, 0.7)  # of the bandwidth that copies have, in each pass
SCAN_PEER_GOALS = {gpu.HEINSEN: 8, gpu.ACCELERATED: 1}


def attempt(builders):
    """The functions that run, each called once, and for the others the reason why not."""
    functions, left_out = {}, {}
    for name, build in builders.items():
        try:
            function = build()
            function()
        except Exception as error:  # whatever it is, it must not cost the others their times
            left_out[name] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            print(f"Without {name}: {left_out[name]}")
        else:
            functions[name] = function
    return functions, left_out


def relative_error(got, truth):
    """Norm of the difference over the norm, in float64."""
    norm = torch.linalg.vector_norm
    return (norm(got.double() - truth) / norm(truth)).item()


def identical(function, runs=3):
    """Whether each run gives the same bits."""
    first, *others = ([result.clone() for result in function()] for _ in range(runs))
    return all(torch.equal(a, b) for run in others for a, b in zip(first, run, strict=True))


def check(functions, truth, head):
    """Two records: errors against {array: its values in float64}, and who repeats itself."""
    errors = {
        name: {
            array: relative_error(got, truth[array])
            for array, got in zip(truth, function(), strict=False)  # forward passes give hs alone
        }
        for name, function in functions.items()
    }
    yield "errors", head | {"errors": errors}
    yield "identical", head | {"identical": {n: identical(f) for n, f in functions.items()}}


def gru_builders(names, numbers, backward, cache):
    """{name: function without arguments that makes a pass, whose inputs rotate}."""
    inputs = gpu.copies((numbers.xs, numbers.dhs) if backward else (numbers.xs,), cache)
    make = lambda name: gpu.rotating(gpu.gru(name, numbers, backward), inputs)
    return {name: partial(make, name) for name in names}


def race_baseline(size, precision, device, cache, rounds):
    """The baseline by itself, first of all: a run that is stopped leaves it."""
    numbers = gpu.numbers(size).to(device, DTYPES[precision])
    for name, backward in PASSES.items():
        build = gru_builders([gpu.BASELINE], numbers, backward, cache)[gpu.BASELINE]
        with products(precision):
            function = build()
            cudnn = ran_cudnn(function)
            times = alternate({gpu.BASELINE: function}, device, rounds)
        head = {"size": size, "pass": name, "precision": precision}
        yield "baseline", head | {"times": times, "cudnn": cudnn}


def race(size, precision, device, cache, rounds):
    """Errors, repeatability and times of all contenders, pass by pass."""
    numbers = gpu.numbers(size).to(device, DTYPES[precision])
    # The formula in float64, from inputs and weights as they were rounded.
    exact = numbers.to(torch.float64)
    truth = dict(zip(gpu.ARRAYS, gpu.gru(gpu.EAGER, exact, True)(exact.xs, exact.dhs), strict=True))
    names = [name for name in gpu.MAKERS if device.type == "cuda" or name not in gpu.NEED_CUDA]
    for name, backward in PASSES.items():
        head = {"size": size, "pass": name, "precision": precision}
        with products(precision):
            functions, left_out = attempt(gru_builders(names, numbers, backward, cache))
            yield from check(functions, truth, head)
            times = alternate(functions, device, rounds)
        known = {
            "flop": gpu.gru_flop(size, backward),
            "bytes": gpu.gru_bytes(size, backward, numbers.xs.itemsize),
            "goal": GOALS.get((size, precision), (None, None))[backward],
            "peer_goals": PEER_GOALS,
        }
        yield "races", head | {"times": times, "left_out": left_out} | known


def race_scans(size, device, cache, rounds):
    """Errors, repeatability and times of the scans; the backward pass is timed by itself."""
    head = {"size": size, "precision": "fp32"}
    arrays = gpu.scan_numbers(size, device)
    exact = gpu.scan_results(gpu.our_scan("sequential"), *(array.double() for array in arrays))
    truth = dict(zip(("hs", "da", "db"), exact, strict=True))
    complete = lambda make: partial(gpu.scan_results, make(), *arrays)
    results, missing = attempt({n: partial(complete, make) for n, make in gpu.SCANS.items()})
    yield from check(results, truth, head | {"pass": "forward + backward"})
    for name, backward in SCAN_PASSES.items():
        make = lambda who, backward=backward: gpu.timed_scan(who, *arrays, backward, cache)
        functions, left_out = attempt({who: partial(make, who) for who in results})
        times = alternate(functions, device, rounds)
        known = {
            "bytes": gpu.scan_bytes(size, backward),
            "goal": SCAN_GOALS[backward] if size == SCAN_SIZE else None,
            "peer_goals": SCAN_PEER_GOALS,
        }
        everybody = {"times": times, "left_out": missing | left_out}
        yield "scan", head | {"pass": name} | everybody | known


def show_times(record, ours, rate, bandwidth):
    """Print a line a contender: times, ratios to ours, and what share of the card's rates it is."""
    size, times = record["size"], record["times"]
    steps = size[1] if len(size) == 4 else 1
    print(f"\n## {record['pass']}, {size}, {record['precision']}")
    print(f"{'':24}{'µs a step' if steps > 1 else 'µs':>10}  {'quartiles':>19}", end="")
    shares = "of the products' rate, " if rate else ""
    print(f"{'this / ours':>13}  {'quartiles':14}  shares: {shares}of the copies' bandwidth")
    for name, seconds in times.items():
        low, middle, high = np.percentile(1e6 * seconds / steps, [25, 50, 75])
        print(f"{name:24}{middle:10.3f}  {f'{low:.3f} to {high:.3f}':>19}", end="")
        if ours in times:
            least, ratio, most = np.percentile(seconds / times[ours], [25, 50, 75])
            print(f"{ratio:13.2f}  {f'{least:.2f} to {most:.2f}':14}", end="")
        second = np.median(seconds)
        if rate:
            reached = record["flop"] / second
            print(f"  {reached / 1e12:8.2f} TFLOP/s {reached / rate:6.1%}", end="")
        reached = record["bytes"] / second
        print(f"  {reached / 1e9:8.1f} GB/s {reached / bandwidth:6.1%}")


def show(part, record, results):
    bandwidth = np.median(results["copy_bandwidth"])
    if part == "errors":
        print(f"\n## Errors, {record['pass']}, {record['size']}, {record['precision']}")
        for name, errors in record["errors"].items():
            print(f"{name:24}", "  ".join(f"{array} {e:.1e}" for array, e in errors.items()))
    elif part == "identical":
        print("The same bits in each run:", record["identical"])
    elif part == "baseline":
        step = 1e6 * np.median(record["times"][gpu.BASELINE]) / record["size"][1]
        how = "cuDNN" if record["cudnn"] else "not by cuDNN"
        print(f"{gpu.BASELINE}, {how}, {record['pass']}, {record['size']}, ", end="")
        print(f"{record['precision']}: {step:.3f} µs a step")
    elif part == "races":
        rate = np.median(results["matrix_rates"][record["precision"]])
        show_times(record, gpu.OURS, rate, bandwidth)
        show_goals({gpu.BASELINE: record["goal"], **record["peer_goals"]}, record, gpu.OURS)
    else:
        show_times(record, gpu.OUR_SCAN, None, bandwidth)
        show_goals(record["peer_goals"], record, gpu.OUR_SCAN)
        if record["goal"] and gpu.OUR_SCAN in record["times"]:
            share = record["bytes"] / np.median(record["times"][gpu.OUR_SCAN]) / bandwidth
            print(f"{gpu.OUR_SCAN}: {share:.2f} of the copies' bandwidth, goal {record['goal']}")


def show_goals(goals, record, ours):
    times = record["times"]
    for name, goal in goals.items():
        if goal and {name, ours} <= set(times):
            print(f"{name} / {ours}: {np.median(times[name] / times[ours]):.2f}, goal {goal}")


def measure(results, device, sizes=None):
    """Fill `results`; yields whenever there is more to keep."""
    results |= card(device) | {"versions": versions(), "date": datetime.now(UTC).isoformat()}
    results |= {part: [] for part in ("baseline", "races", "scan", "errors", "identical")}
    print(f"# On {results['device']}, driver {results['driver']}, {results['versions']}")
    results["copy_bandwidth"] = copy_bandwidth(device, ROUNDS)
    print(f"Copies: {np.median(results['copy_bandwidth']) / 1e9:.1f} GB/s")
    results["matrix_rates"] = matrix_rates(device, ROUNDS)
    for precision, rates in results["matrix_rates"].items():
        print(f"Products in {precision}: {np.median(rates) / 1e12:.2f} TFLOP/s")
    yield
    table = [(size, p) for size in sizes for p in DTYPES] if sizes else list(GOALS)
    how = device, results["l2_bytes"], ROUNDS
    scans = [(B, T, H) for B, T, _, H in sizes] if sizes else [SCAN_SIZE]
    races = [race_baseline(*what, *how) for what in table]
    races += [race(*what, *how) for what in table]
    races += [race_scans(size, *how) for size in scans]
    for records in races:
        for part, record in records:
            show(part, record, results)
            results[part].append(record)
            yield
