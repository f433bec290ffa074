"""The files of deploy/: each is checked by a tool of its kind, without a network, and its command is one that there is."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from runs.house import ROOT

from salesnav_source.cli import command_parser
from salesnav_source.settings.configuration import misspelt_settings

from .environment import DEPLOY, program, run

pytestmark = pytest.mark.long(
    "the tools that check the files are installed first",
    but=(
        "test_systemd_units",
        "test_each_calls_a_command_that_there_is",
        "test_workflows_make_targets_that_there_are_and_try_every_kind_of_version",
        "test_settings_that_are_named_exist",
        "test_the_state_outlives_the_container",
        "test_images_and_actions_are_named_by_what_they_hold",
        "test_what_holds_rows_and_secrets_is_kept_from_others",
    ),
)

CRONJOB = DEPLOY / "kubernetes" / "salesnav.yaml"
WORKFLOW = DEPLOY / "github" / "salesnav.yml"
WORKFLOWS = sorted((DEPLOY / "github").glob("*.yml"))
SERVICE, TIMER = (DEPLOY / "systemd" / f"salesnav.{kind}" for kind in ("service", "timer"))
DOCKERFILE = DEPLOY / "Dockerfile"


def check(*command: str, folder: Path) -> str:
    return run([program("deploy", command[0]), *command[1:]], folder)


def test_dockerfile(tmp_path: Path) -> None:
    check("hadolint", "--failure-threshold", "style", str(DOCKERFILE), folder=tmp_path)


def test_kubernetes(tmp_path: Path) -> None:
    # podFailurePolicy is stable since 1.31
    for version in ("1.31", "1.37"):
        check("kubernetes-validate", "--strict", "-k", version, str(CRONJOB), folder=tmp_path)


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_github_workflows(tmp_path: Path, schema: str) -> None:
    check("check-jsonschema", "--builtin-schema", schema, *map(str, WORKFLOWS), folder=tmp_path)


def test_the_schema_of_reports_is_one(tmp_path: Path) -> None:
    check("check-jsonschema", "--check-metaschema", str(ROOT / "docs" / "report.schema.json"), folder=tmp_path)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_units(tmp_path: Path) -> None:
    command = tmp_path / "salesnav"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    units = []
    for unit in (SERVICE, TIMER):
        # the command is looked for
        text = unit.read_text().replace("/srv/salesnav/.venv/bin/salesnav", str(command))
        units.append(tmp_path / unit.name)
        units[-1].write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, env={**os.environ})
    own = [line for line in done.stderr.splitlines() if "salesnav" in line]
    assert (done.returncode, own) == (0, []), done.stderr
    moment = re.search(r"^OnCalendar=(.*)$", TIMER.read_text(), re.MULTILINE)
    assert moment is not None
    subprocess.run(["systemd-analyze", "calendar", moment[1]], check=True, capture_output=True)


def container() -> dict[str, Any]:
    (cronjob,) = [one for one in yaml.safe_load_all(CRONJOB.read_text()) if one["kind"] == "CronJob"]
    (found,) = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def commands() -> dict[str, list[str]]:
    """Returns the options with which each file calls `salesnav`."""
    entry, default = (
        re.search(rf"^{word} (.*)$", DOCKERFILE.read_text(), re.MULTILINE) for word in ("ENTRYPOINT", "CMD")
    )
    assert entry is not None and default is not None
    assert yaml.safe_load(entry[1]) == ["salesnav"]
    started = re.search(r"^ExecStart=\S+/salesnav (.*)$", SERVICE.read_text(), re.MULTILINE)
    assert started is not None
    (step,) = [
        one for one in yaml.safe_load(WORKFLOW.read_text())["jobs"]["load"]["steps"] if "salesnav load" in str(one)
    ]
    return {
        "docker": yaml.safe_load(default[1]),
        "kubernetes": container()["args"],
        "systemd": shlex.split(started[1]),
        "github": shlex.split(step["run"])[1:],
    }


@pytest.mark.parametrize("name", ["docker", "kubernetes", "systemd", "github"])
def test_each_calls_a_command_that_there_is(name: str) -> None:
    assert command_parser("load").parse_args(commands()[name]).command == "load"


def test_workflows_make_targets_that_there_are_and_try_every_kind_of_version() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = {
        target
        for workflow in WORKFLOWS
        for job in yaml.safe_load(workflow.read_text())["jobs"].values()
        for step in job["steps"]
        for target in re.findall(r"^make ([\w-]+)", step.get("run", ""), re.MULTILINE)
    }
    assert made <= targets
    assert made == {target for target in targets if target.startswith("versions")}


def test_settings_that_are_named_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(path.read_text() for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".pyc")
    names = set(re.findall(r"SOURCES__SALESNAV__[A-Z_]+[A-Z]", text))
    assert "SOURCES__SALESNAV__CREDENTIALS__ACCESS_TOKEN" in names
    for name in names:
        monkeypatch.setenv(name, "x")
    assert misspelt_settings() == []


def test_the_state_outlives_the_container() -> None:
    (state,) = [one["mountPath"] for one in container()["volumeMounts"] if one["name"] == "state"]
    assert f"ENV DLT_DATA_DIR={state} " in DOCKERFILE.read_text()


def test_images_and_actions_are_named_by_what_they_hold() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE) + [container()["image"]]
    assert len(images) == 3
    for image in images:
        assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", image), image
    for workflow in WORKFLOWS:
        actions = re.findall(r"^\s*(?:- )?uses: *(\S+)", workflow.read_text(), re.MULTILINE)
        assert actions
        for action in actions:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action


def test_what_holds_rows_and_secrets_is_kept_from_others() -> None:
    unit = SERVICE.read_text().splitlines()
    assert {"UMask=0077", "StateDirectoryMode=0700", "ProtectSystem=strict", "NoNewPrivileges=true"} <= set(unit)
    assert any(line.startswith("MemoryMax=") for line in unit)
    security = container()["securityContext"]
    assert security["readOnlyRootFilesystem"] is True and security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert {"memory", "ephemeral-storage"} <= set(container()["resources"]["limits"])
    # every address of a PostgreSQL server asks for a verified one
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            for address in re.findall(r"postgresql://\S+", path.read_text()):
                assert "sslmode=verify-full" in address, path
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {"contents": "read", "id-token": "write"}


def test_what_the_image_is_made_of_is_the_whole_package(tmp_path: Path) -> None:
    _, stage, last = DOCKERFILE.read_text().split("\nFROM ")
    source = tmp_path / "source"
    for what, where in re.findall(r"^COPY (.*) (\S+)$", stage, re.MULTILINE):
        for name in what.split():
            target = source / where / name if where.endswith("/") else source / where
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target, symlinks=True)
            else:
                shutil.copy(ROOT / name, target)
    assert not list(source.rglob("secrets.toml"))
    for name in re.findall(r"^COPY (?!--)(\S+) ", last, re.MULTILINE):
        assert (ROOT / name).is_file()
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", ".", str(source)], tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    package = ROOT / "salesnav_source"
    assert {str(path.relative_to(ROOT)) for path in package.rglob("*.py")} <= names
    assert {f"salesnav_source/cli/starter/{path.name}" for path in (package / "cli/starter").iterdir()} <= names
    assert "salesnav_source/marts/dbt_package/dbt_project.yml" in names
