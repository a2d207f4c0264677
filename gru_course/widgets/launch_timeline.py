"""Why a GRU on a GPU waits: launches by the CPU and kernels on the GPU, drawn over time."""

from typing import ClassVar, NamedTuple

import numpy as np

from gru_course.goals import digits, fixed
from gru_course.widgets._base import CourseWidget
from gru_course.widgets._settings import Choice, Number, Whole

STEPS = 3  # time steps of the network that are drawn
WAYS = {
    "eager": "each kernel by itself",
    "graph": "CUDA graph",
    "persistent": "one persistent kernel",
}
BOUNDS = {
    "launches": "The launches bound it: each takes longer than a kernel with its gap, so a faster "
    "GPU would change nothing.",
    "gaps": "The gaps bound it: they take longer than the kernels between them.",
    "barriers": "The barriers bound it: each takes longer than the arithmetic of a step.",
    "arithmetic": "The arithmetic bounds it: it takes at least half of the step.",
}


class Timeline(NamedTuple):
    """When each kernel has been launched, starts and ends, in microseconds; arrays of one shape."""

    issue: np.ndarray
    start: np.ndarray
    end: np.ndarray


def timeline(issue: np.ndarray, work: float, gap: float) -> Timeline:
    """Run kernels one after the other, each no sooner than it has been launched.

        start_k = max(issue_k, end_{k-1} + gap),  end_k = start_k + work

    Parameters
    ----------
    issue : array (K,), when each kernel has been launched, in microseconds, ascending
    work : how long a kernel computes, in microseconds
    gap : from the end of a kernel to the earliest start of the next, in microseconds

    Returns
    -------
    Timeline of arrays (K,)

    >>> timeline(np.array([5.0, 10.0, 15.0]), 6.0, 1.0).start
    array([ 5., 12., 19.])
    """
    start = np.empty(len(issue))
    free = -np.inf
    for k, launched in enumerate(issue):
        start[k] = max(launched, free)
        free = start[k] + work + gap
    return Timeline(issue, start, start + work)


class LaunchTimeline(CourseWidget):
    """Three time steps of a recurrent network on a GPU, in three ways to launch them.

    A step consists of kernels that depend on one another. The CPU launches them in order, without
    waiting for the GPU, which runs them by the recurrence of `timeline`:

    - each kernel by itself: kernel k has been launched at (k + 1) `launch`;
    - as a CUDA graph: one launch issues all kernels;
    - as one persistent kernel: one launch, and the arithmetic of a step in one piece, with a
      barrier in place of the gaps.

    The defaults are an example to be moved, not measurements of a device.

    {arguments}

    >>> for way in ("eager", "graph", "persistent"):
    ...     print(way, LaunchTimeline(way=way, kernels=10, launch=5, work=1, gap=1).time())
    eager 50.0
    graph 20.0
    persistent 11.0
    """

    module = "launch_timeline"
    constants: ClassVar = {"BOUNDS": BOUNDS}

    way = Choice(WAYS, "eager", label="Launch", help="how the kernels are launched")
    kernels = Whole(1, 30, 10, label="kernels a step", help="kernels a step")
    work = Number(
        0.1, 20, 1.0, step=0.1, color="h", label="work, µs", help="work a kernel, in microseconds"
    )
    launch = Number(
        0.5, 10, 5.0, step=0.05, label="launch, µs", help="cost of a launch, in microseconds"
    )
    gap = Number(
        0, 2, 1.0, step=0.05, label="gap, µs", help="gap between dependent kernels, in microseconds"
    )
    barrier = Number(
        0,
        3,
        1.0,
        step=0.05,
        label="barrier, µs",
        help="barrier of the persistent kernel, in microseconds",
    )

    def pieces(self) -> tuple[int, float, float]:
        """What a step is made of on the GPU.

        Returns
        -------
        int, float, float : how many pieces; the work of each and the gap after it, in microseconds
        """
        if self.way == "persistent":
            return 1, self.kernels * self.work, self.barrier
        return self.kernels, self.work, self.gap

    def timeline(self) -> Timeline:
        """The pieces of all three steps over time.

        Returns
        -------
        Timeline of arrays (3 * pieces,)
        """
        count, work, gap = self.pieces()
        k = np.arange(STEPS * count)
        return timeline(self.launch * (k + 1 if self.way == "eager" else 0 * k + 1), work, gap)

    def time(self) -> float:
        """Microseconds from the end of a step to the end of the next one."""
        end = self.timeline().end
        return float(end[-1] - end[-1 - self.pieces()[0]])

    def share(self) -> float:
        """The part of that time in which the GPU computes, above 0 and at most 1."""
        return self.kernels * self.work / self.time()

    def bound(self) -> str:
        """What bounds the time: "launches", "gaps", "barriers" or "arithmetic"."""
        _, work, gap = self.pieces()
        if self.way == "eager" and self.launch > work + gap:
            return "launches"
        if gap > work:
            return "barriers" if self.way == "persistent" else "gaps"
        return "arithmetic"

    def readings(self) -> dict[str, float]:
        """All settings; eager, 1 or 0; arithmetic and time, in microseconds a step; share.

        Returns
        -------
        dict of floats
        """
        return {
            **self.settings(),
            "eager": float(self.way == "eager"),
            "arithmetic": self.kernels * self.work,
            "time": self.time(),
            "share": self.share(),
        }

    def still(self) -> str:
        rows = ""
        for way, name in WAYS.items():
            other = LaunchTimeline(**{**self.state(), "way": way})
            rows += (
                f'<tr><th scope="row">{name}</th><td>{digits(other.time())}</td>'
                f"<td>{fixed(100 * other.share(), 1)} %</td><td>{other.bound()}</td></tr>"
            )
        return (
            '<figure class="gru-still" style="margin:0 auto;max-width:480px">'
            '<table style="width:100%"><thead><tr><th scope="col">way</th>'
            '<th scope="col">µs a step</th><th scope="col">GPU computes</th>'
            f'<th scope="col">bound by</th></tr></thead><tbody>{rows}</tbody></table>'
            f"<figcaption>A step of {self.kernels} dependent kernels, each of "
            f"{digits(self.work)} microseconds of work; a launch costs {digits(self.launch)}, the "
            f"gap between two kernels {digits(self.gap)} and a barrier {digits(self.barrier)}. "
            "These numbers are an example, not measurements of a device. With JavaScript on, this "
            "is a picture with sliders.</figcaption></figure>"
        )
