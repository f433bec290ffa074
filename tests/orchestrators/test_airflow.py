"""The example for Airflow: its task functions without Airflow; and, by `make orchestrators`, run by Airflow itself."""

import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from runs.house import ONE, TWO, House, house, wait_until

from salesnav_source.sandbox import faults

from .environment import DEPLOY, REAL, program, run, variables

DAG = DEPLOY / "airflow" / "salesnav_dag.py"
SHARDS = [{"pipeline": "salesnav_1", "contracts": [ONE]}, {"pipeline": "salesnav_2", "contracts": [TWO]}]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, day=None, days=5) as made:
        yield made


class Retried(Exception):
    """Airflow would try again."""


class Refused(Exception):
    """Airflow would not."""


class Tasks:
    """The functions of the DAG's file, called as they are, with what Airflow would give them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: House) -> None:
        self.told: dict[int, Any] = {}
        self.number = 0
        for name, value in variables(home, SALESNAV_DESTINATION="duckdb").items():
            monkeypatch.setenv(name, value)
        # each task takes its contracts from its shard
        monkeypatch.delenv("SOURCES__SALESNAV__CONTRACTS")
        sdk, exceptions = ModuleType("airflow.sdk"), ModuleType("airflow.sdk.exceptions")
        vars(sdk).update(Variable=None, dag=self._dag, task=self._task, get_current_context=lambda: {"ti": self})
        vars(exceptions).update(AirflowException=Retried, AirflowFailException=Refused)
        for module in (ModuleType("airflow"), sdk, exceptions):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        self.functions = SimpleNamespace(**runpy.run_path(str(DAG)))

    def _dag(self, **options: Any) -> Any:
        return lambda function: lambda: None

    def _task(self, function: Any = None, **options: Any) -> Any:
        return function or (lambda function: function)

    def xcom_push(self, key: str, value: Any) -> None:
        self.told[self.number] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        return self.told.get(map_indexes)

    def load(self, number: int) -> None:
        self.number = number
        self.functions.load(SHARDS[number])


def test_shards_are_loaded_and_reported(
    home: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = Tasks(monkeypatch, home)
    tasks.load(0)
    home.sandbox.add_fault(faults.internal_error().where(export="seats", times=None))
    with pytest.raises(Retried, match=rf"seats of Two \({TWO}\), .*internal error"):
        tasks.load(1)
    with pytest.raises(Refused, match=r"Not all days are loaded: salesnav_2\. "):
        tasks.functions.report(SHARDS)
    said = capsys.readouterr().out
    assert "salesnav_1: " in said and "3 windows, 0 open, 0 failed, 3 jobs created" in said
    assert "2 windows, 0 open, 1 failed" in said
    home.sandbox.clear_faults()
    tasks.load(1)
    tasks.functions.report(SHARDS)
    home.assert_truth()


def test_what_is_refused_is_not_tried_again(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = Tasks(monkeypatch, home)
    monkeypatch.setenv("SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN", "dead")
    with pytest.raises(Refused, match="Get a new token"):
        tasks.load(0)


def test_a_shard_that_vanished_is_reported(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="salesnav_1, salesnav_2"):
        Tasks(monkeypatch, home).functions.report(SHARDS)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An Airflow home with its database, the pool and the DAG."""
    folder = tmp_path_factory.mktemp("airflow")
    environment = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAG.parent),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW_VAR_SALESNAV_SHARDS": json.dumps(SHARDS),
    }
    run([program("airflow", "airflow"), "db", "migrate"], folder, **environment)
    run([program("airflow", "airflow"), "pools", "set", "salesnav", "4", "Sales Navigator"], folder, **environment)
    return environment


def dags_test(home: House, airflow: dict[str, str], **more: str) -> "subprocess.Popen[str]":
    environment = variables(home, SALESNAV_DESTINATION="duckdb", **airflow, **more)
    del environment["SOURCES__SALESNAV__CONTRACTS"]
    return subprocess.Popen(
        [program("airflow", "airflow"), "dags", "test", "salesnav"],
        cwd=home.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def polled(home: House) -> int:
    return len({request.path for request in home.calls("poll")})


@REAL
def test_airflow_runs_it_and_is_killed_and_goes_on_with_the_same_jobs(tmp_path: Path, airflow: dict[str, str]) -> None:
    with house(tmp_path, day=None, days=5, job_seconds=(60, 61)) as home:
        killed = dags_test(home, airflow)
        # the shards are loaded one after the other by this command
        wait_until(lambda: polled(home) == 3, 120)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        assert len(home.sandbox.jobs) == 3
        home.clock.offset += 100
        done = dags_test(home, airflow)
        wait_until(lambda: polled(home) == 6, 120)
        home.clock.offset += 100
        said, _ = done.communicate(timeout=300)
        assert done.returncode == 0, said[-6000:]
        assert "salesnav_1: " in said and "3 windows, 0 open, 0 failed, 0 jobs created" in said
        assert "salesnav_2: " in said and "3 windows, 0 open, 0 failed, 3 jobs created" in said
        assert len(home.sandbox.jobs) == 6
        home.assert_truth()


@REAL
def test_airflow_ends_what_is_refused_at_the_first_try(home: House, airflow: dict[str, str]) -> None:
    done = dags_test(home, airflow, SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN="dead")
    said, _ = done.communicate(timeout=300)
    assert "Get a new token" in said and "Not all days are loaded: salesnav_1, salesnav_2" in said, said[-6000:]
    assert not home.sandbox.jobs
    assert len(home.calls("contracts")) <= 2 * len(SHARDS)
