"""What every checker shares, where the system has less than usual."""

import signal

from gru_course.exercises import check


def test_without_timers_an_answer_is_checked_all_the_same(monkeypatch):
    # Python in the page: `signal` has SIGALRM there, and nothing that would send it.
    monkeypatch.delattr(signal, "setitimer", raising=False)
    assert check("gru.count", lambda I, H: 3 * (H * I + H * H + 2 * H)).passed
    assert not check("gru.count", lambda I, H: 3 * (H * I + H * H + H)).passed
