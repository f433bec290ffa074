"""The lock of a pipeline: who may take it, what the one that may not is told, and what a fork leaves of it."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from salesnav_source.exceptions import PipelineBusyError
from salesnav_source.run import lock as lock_module
from salesnav_source.run.lock import PipelineLock

NAME = "sales"

HOLD = """
import sys
from salesnav_source.run.lock import PipelineLock
lock = PipelineLock(sys.argv[1], sys.argv[2])
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "PATIENCE", 0.0)


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[PipelineLock]:
    made = PipelineLock(str(tmp_path), NAME)
    yield made
    made.release()


@pytest.fixture
def other_run(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock; a line that it is sent makes it let go."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def is_free(folder: Path, name: str = NAME) -> bool:
    """Tells whether a process of its own can take the lock."""
    process = subprocess.run(
        [sys.executable, "-c", HOLD, str(folder), name], input="\n\n", capture_output=True, text=True, timeout=300
    )
    return process.returncode == 0


def in_child(work: Callable[[], Any]) -> int | None:
    """Returns the exit code of a forked child that does some work."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(300)
    if process.is_alive():
        process.kill()
        raise AssertionError("the child does not end")
    return process.exitcode


def test_the_lock_is_taken_and_let_go_of(lock: PipelineLock, tmp_path: Path) -> None:
    lock.acquire()
    assert not is_free(tmp_path)
    lock.release()
    assert is_free(tmp_path)
    lock.acquire()


def test_other_pipelines_are_free(lock: PipelineLock, tmp_path: Path) -> None:
    lock.acquire()
    assert is_free(tmp_path, "another")
    (tmp_path / "elsewhere").mkdir()
    assert is_free(tmp_path / "elsewhere")


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    lock = PipelineLock(str(tmp_path / "a" / "b"), NAME)
    lock.acquire()
    lock.release()


@pytest.mark.parametrize("act", [PipelineLock.acquire, PipelineLock.check], ids=["acquire", "check"])
def test_who_comes_second_is_told_who_holds_it(
    lock: PipelineLock, tmp_path: Path, other_run: "subprocess.Popen[str]", act: Callable[[PipelineLock], None]
) -> None:
    with pytest.raises(PipelineBusyError) as caught:
        act(lock)
    told = str(caught.value)
    assert f"Another run of pipeline {NAME} is at work" in told
    assert f"process {other_run.pid} on {os.uname().nodename}, since 20" in told
    assert str(tmp_path / f"{NAME}.salesnav.lock") in told
    assert "nothing was asked of LinkedIn" in told


def test_what_is_not_known_of_the_holder_is_said(
    lock: PipelineLock, tmp_path: Path, other_run: "subprocess.Popen[str]"
) -> None:
    (tmp_path / f"{NAME}.salesnav.holder").unlink()
    with pytest.raises(PipelineBusyError, match="which one is not known"):
        lock.acquire()


def test_it_is_free_once_the_other_run_has_let_go(lock: PipelineLock, other_run: "subprocess.Popen[str]") -> None:
    assert other_run.stdin is not None and other_run.stdout is not None
    other_run.stdin.write("\n")
    other_run.stdin.flush()
    assert other_run.stdout.readline() == "released\n"
    lock.check()
    lock.acquire()


def test_it_is_free_once_the_other_run_was_killed(lock: PipelineLock, other_run: "subprocess.Popen[str]") -> None:
    other_run.send_signal(signal.SIGKILL)
    other_run.wait()
    lock.check()
    lock.acquire()


def test_a_run_that_was_refused_does_not_let_go_of_the_others_lock(
    lock: PipelineLock, tmp_path: Path, other_run: "subprocess.Popen[str]"
) -> None:
    with pytest.raises(PipelineBusyError):
        lock.acquire()
    lock.release()
    assert not is_free(tmp_path)
    with pytest.raises(PipelineBusyError, match=f"process {other_run.pid} "):
        lock.acquire()


def test_checking_takes_nothing(lock: PipelineLock, tmp_path: Path) -> None:
    lock.check()
    assert not list(tmp_path.iterdir())
    lock.acquire()
    lock.release()
    lock.check()
    assert is_free(tmp_path)


def test_the_thread_that_holds_it_may_take_it_again(lock: PipelineLock, tmp_path: Path) -> None:
    lock.acquire()
    second = PipelineLock(str(tmp_path), NAME)
    second.check()
    second.acquire()
    second.release()
    second.release()
    assert is_free(tmp_path)


@pytest.mark.parametrize("act", [PipelineLock.acquire, PipelineLock.check], ids=["acquire", "check"])
def test_another_thread_of_the_process_is_told_who_holds_it(
    lock: PipelineLock, tmp_path: Path, act: Callable[[PipelineLock], None]
) -> None:
    lock.acquire()
    with ThreadPoolExecutor(1) as other, pytest.raises(PipelineBusyError, match=f"process {os.getpid()} "):
        other.submit(act, PipelineLock(str(tmp_path), NAME)).result()
    lock.release()
    with ThreadPoolExecutor(1) as other:
        other.submit(act, PipelineLock(str(tmp_path), NAME)).result()
        other.submit(PipelineLock(str(tmp_path), NAME).release).result()


def test_a_thread_may_let_go_of_what_another_has_taken(lock: PipelineLock, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as other:
        other.submit(lock.acquire).result()
    assert not is_free(tmp_path)
    lock.release()
    assert is_free(tmp_path)


def test_a_forked_child_does_not_hold_the_lock_and_cannot_let_go_of_it(lock: PipelineLock, tmp_path: Path) -> None:
    lock.acquire()

    def child() -> None:
        mine = PipelineLock(str(tmp_path), NAME)
        for act in (mine.acquire, mine.check):
            with pytest.raises(PipelineBusyError, match=f"process {os.getppid()} "):
                act()
        mine.release()
        lock.release()

    assert in_child(child) == 0
    assert not is_free(tmp_path)
    lock.release()
    assert is_free(tmp_path)


def test_a_forked_child_that_ends_leaves_the_lock_with_its_parent(lock: PipelineLock, tmp_path: Path) -> None:
    lock.acquire()
    assert in_child(lambda: None) == 0
    assert not is_free(tmp_path)


def test_a_child_that_outlives_a_killed_run_is_no_run(lock: PipelineLock, tmp_path: Path) -> None:
    forks = 'import os\nif os.fork() == 0:\n    print("held", flush=True)\n    sys.stdin.readline()\n    os._exit(0)'
    code = HOLD.replace('print("held", flush=True)', forks)
    run = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None and run.stdin is not None and run.stdout.readline() == "held\n"
    run.kill()
    run.wait()
    lock.acquire()
    run.stdin.close()
    run.stdout.close()
