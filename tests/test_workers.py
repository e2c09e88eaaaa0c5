"""Several processes give what one gives, in order, and hold back when nobody takes the results."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from tipclassify.errors import TipclassifyError
from tipclassify.pipeline.processes import AHEAD, in_order, started_early


def _halved(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def _ends_others(process: int) -> int:
    if os.getpid() != process:
        os._exit(3)
    time.sleep(0.05)
    return process


def _where(_: int) -> int:
    time.sleep(0.02)
    return os.getpid()


def _loaded(module: str) -> tuple[int, bool]:
    time.sleep(0.02)
    return os.getpid(), module in sys.modules


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_their_tasks(jobs: int) -> None:
    assert list(in_order(_halved, range(0, 80, 2), jobs)) == list(range(40))


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_task_raises_comes_out_in_its_turn(jobs: int) -> None:
    results = in_order(_halved, [0, 2, 4, 6, 9, 10], jobs)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="9 is odd"):
        next(results)


def _long(length: int) -> str:
    return "é" * length


@pytest.mark.parametrize("refused", [False, True])
def test_results_of_megabytes_come_whole_whatever_the_system_lets_through_at_once(
    refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if refused:
        fcntl = pytest.importorskip("fcntl")

        def refuse(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(fcntl, "fcntl", refuse)
    lengths = [3_000_000, 10, 70_000, 1_500_000] * 3
    assert list(map(len, in_order(_long, lengths, 2))) == lengths


def test_a_slow_taker_holds_the_tasks_back() -> None:
    drawn = 0

    def tasks() -> Iterator[int]:
        nonlocal drawn
        for number in range(0, 2_000, 2):
            drawn += 1
            yield number

    results = in_order(_halved, tasks(), 2)
    for taken in range(1, 40):
        assert next(results) == taken - 1
        if taken in (1, 20):
            time.sleep(0.5)  # a process that went on by itself would have done them all
        assert drawn <= taken + 2 * AHEAD
    results.close()  # type: ignore[attr-defined]


def test_this_process_works_too_and_a_single_task_needs_no_other() -> None:
    assert list(in_order(_where, [1], 4)) == [os.getpid()]
    worked = set(in_order(_where, range(200), 2))
    assert os.getpid() in worked
    assert len(worked) == 2


def test_processes_started_before_their_tasks_are_known_have_imported_what_they_need() -> None:
    with started_early(2, "this"):  # which nobody else imports
        (started,) = (process.pid for process in multiprocessing.active_children())
        found = dict(in_order(_loaded, ["this"] * 40, 2))
        assert found == {os.getpid(): False, started: True}
        assert not multiprocessing.active_children()


def test_processes_started_early_are_for_as_many_jobs_and_end_unused() -> None:
    with started_early(2, "this"):
        (started,) = (process.pid for process in multiprocessing.active_children())
        assert started not in set(in_order(_where, range(60), 3))
        assert [process.pid for process in multiprocessing.active_children()] == [started]
    assert not multiprocessing.active_children()


def test_the_callers_threads_are_not_hurried() -> None:
    before = sys.getswitchinterval()
    results = in_order(_halved, range(0, 80, 2), 2)
    next(results)
    assert sys.getswitchinterval() == before
    results.close()  # type: ignore[attr-defined]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_processes_that_start_do_not_hear_the_keyboard() -> None:
    before = signal.getsignal(signal.SIGINT)  # ignored where these tests run in the background of a shell
    with started_early(3, "this"):
        for process in multiprocessing.active_children():
            os.kill(process.pid, signal.SIGINT)  # type: ignore[arg-type]  # still importing: nothing of ours has run in it
        assert len(set(in_order(_where, range(200), 3))) > 1
    assert signal.getsignal(signal.SIGINT) is before


def test_a_process_that_dies_is_told_in_one_line() -> None:
    with pytest.raises(TipclassifyError, match="a worker process died"):
        list(in_order(_ends_others, [os.getpid()] * 500, 2))
