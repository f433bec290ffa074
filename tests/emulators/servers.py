"""Starting and ending the servers: on loopback, on a free port, and gone with the tests however those end."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from .environments import HERE, NotInstallableError, python_of

START_SECONDS = 90
_PR_SET_PDEATHSIG = 1


class NoServerError(Exception):
    """A server cannot be had on this machine; the message says why and how to get it."""


def free_port() -> int:
    """Returns a port on loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def fakesnow() -> Iterator[int]:
    """Serves Snowflake's protocol by fakesnow, for one session of tests; gives the port."""
    port = free_port()
    with _serve("snowflake", [str(HERE / "snowflake_server.py"), str(port)], port):
        yield port


@contextlib.contextmanager
def bqemulator() -> Iterator[int]:
    """Serves BigQuery's REST API by bqemulator, for one session of tests; gives the port."""
    port = free_port()
    with _serve("bigquery", [str(HERE / "bigquery_server.py"), str(port), str(free_port())], port):
        yield port


@contextlib.contextmanager
def moto() -> Iterator[int]:
    """Serves Amazon S3 by moto, for one session of tests; gives the port."""
    port = free_port()
    with moto_at(port):
        yield port


@contextlib.contextmanager
def moto_at(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Serves Amazon S3 by moto on a port; gives the process. What it holds is gone with it."""
    with _serve("s3", ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port) as process:
        yield process


def s3_environment(port: int) -> dict[str, str]:
    """Returns the environment in which a client finds moto."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextlib.contextmanager
def _serve(name: str, command: Sequence[str], port: int) -> Iterator["subprocess.Popen[bytes]"]:
    try:
        python = python_of(name)
    except NotInstallableError as error:
        raise NoServerError(f"the {name} emulator cannot be installed: {error}") from None
    with tempfile.TemporaryFile("w+") as log, _process([str(python), *command], port, log) as process:
        yield process


@contextlib.contextmanager
def postgres() -> Iterator[int]:
    """Serves an empty PostgreSQL cluster of its own, whose superuser `loader` has the password `loader`; gives the port."""
    binaries = _postgres_binaries()
    user = _ordinary_user()
    folder = Path(tempfile.mkdtemp(prefix="salesnav-postgres-"))
    try:
        password = folder / "password"
        password.write_text("loader")
        if user is not None:
            for path in (folder, password):
                os.chown(path, pwd.getpwnam(user).pw_uid, -1)
        data, port = folder / "data", free_port()
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "loader", "-A", "scram-sha-256", "--no-sync"]
        initdb += ["--pwfile", str(password), "-E", "UTF8", "--locale", "C.UTF-8"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **_as(user))
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # SIGINT is what PostgreSQL calls a fast shutdown
        with tempfile.TemporaryFile("w+") as log, _process(command, port, log, signal.SIGINT, cwd=folder, **_as(user)):
            _wait_until_ready(data)
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(data: Path) -> None:
    """Waits until a PostgreSQL cluster takes connections; it listens before that, and refuses them."""
    deadline = time.monotonic() + START_SECONDS
    while "ready" not in (data / "postmaster.pid").read_text().split():
        if time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL listens, and takes no connections")
        time.sleep(0.1)


def _postgres_binaries() -> Path:
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    initdb = shutil.which("initdb")
    if initdb is None:
        raise NoServerError(
            "no PostgreSQL server is installed; on Debian: apt-get install --no-install-recommends postgresql"
        )
    return Path(initdb).resolve().parent


def _ordinary_user() -> str | None:
    """Returns the user to run PostgreSQL as, which refuses root; None for the one at hand."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in ("postgres", "nobody") if name in names), None)
    if user is None:
        raise NoServerError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
    return user


def _as(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


@contextlib.contextmanager
def _process(
    command: Sequence[str], port: int, log: IO[str], stop: signal.Signals = signal.SIGKILL, **options: Any
) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs a server until the context ends."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent(), **options
    )
    try:
        _wait_for(port, process, log)
        yield process
    finally:
        process.send_signal(stop)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _die_with_parent() -> Callable[[], None] | None:
    """Returns what lets a server end even if the tests are killed; known on Linux only."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return lambda: library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: IO[str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"{' '.join(map(str, process.args))} did not start:\n{log.read()[-3000:]}")  # type: ignore[arg-type]
