"""A stand-in for LinkedIn's API that gives prepared files as fast as the kernel copies them, from a process of its own.

The sandbox is made to be wrong in every way; this is made to be no bottleneck. It knows contracts, creating a job, asking
for it, and downloading; and it tells what it was asked, at `/stats`.
"""

import argparse
import json
import os
import random
import re
import select
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.data import ExportFile, make_file, rows_of

TOKEN = "benchmark-token"
EXPORT_OF_ACTION = {
    "exportActivityData": "activities",
    "exportActivityOutcomeData": "activity_outcomes",
    "exportSeatData": "seats",
}


class Api:
    """What the server knows: contracts, files, jobs, and the calls it has had."""

    def __init__(
        self,
        folder: Path,
        contracts: Sequence[str],
        rows_per_day: Mapping[str, int],
        job_seconds: tuple[float, float],
        latency: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Prepares an API.

        Args:
            folder: where prepared files are, and others go when they are asked for.
            contracts: URNs of the contracts.
            rows_per_day: how many rows a file has that was not prepared, by export.
            job_seconds: the shortest and the longest time that a job takes.
            latency: seconds that every answer is held back.
            seed: of the times that jobs take.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.contracts = contracts
        self.rows_per_day = rows_per_day
        self.job_seconds = job_seconds
        self.latency = latency
        self.calls = {"contracts": 0, "create": 0, "poll": 0, "download": 0}
        self.jobs: list[dict[str, Any]] = []
        self._lane_ends: dict[str, float] = {}
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def list_contracts(self) -> dict[str, Any]:
        """Lists the contracts."""
        self._count("contracts")
        elements = [{"contract": urn, "name": urn, "hasReportingAccess": True} for urn in self.contracts]
        return {"elements": elements, "paging": {"count": 100, "start": 0, "links": []}}

    def create(self, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Creates a job, and its file if there is none prepared."""
        first_day, last_day = _day(body["startAt"]), _day(body["endAt"])
        export = EXPORT_OF_ACTION[action]
        days = (datetime.fromisoformat(last_day) - datetime.fromisoformat(first_day)).days + 1
        file = ExportFile(body["contract"], export, first_day, last_day, self.rows_per_day.get(export, 0) * days)
        path = make_file(self.folder, file)
        with self._lock:
            self.calls["create"] += 1
            lane, seconds, now = f"{file.contract} {export}", self._random.uniform(*self.job_seconds), time.time()
            # LinkedIn works on one job of a contract's export at a time (documented)
            begins = max(now, self._lane_ends.get(lane, now))
            self._lane_ends[lane] = begins + seconds
            job = {
                "id": 100_000 + len(self.jobs),
                "lane": lane,
                "path": str(path),
                "rows": rows_of(path),
                "seconds": seconds,
                "created": now,
                "begins": begins,
                "ends": self._lane_ends[lane],
                "polls": 0,
                "noticed": None,
            }
            self.jobs.append(job)
        return {"value": {"id": job["id"], "status": "ENQUEUED"}}

    def poll(self, job_id: int, origin: str) -> dict[str, Any]:
        """Tells how a job is doing."""
        self._count("poll")
        job, now = self.jobs[job_id - 100_000], time.time()
        job["polls"] += 1
        if now < job["ends"]:
            return {"id": job_id, "status": "PROCESSING" if now >= job["begins"] else "ENQUEUED"}
        job["noticed"] = job["noticed"] or now
        return {
            "id": job_id,
            "status": "COMPLETED",
            "downloadUrl": f"{origin}/file/{job_id}",
            "rowCount": job["rows"],
            "expireAt": int((now + 10_800) * 1000),
        }

    def file(self, job_id: int) -> Path:
        """Returns the file of a job."""
        self._count("download")
        return Path(self.jobs[job_id - 100_000]["path"])

    def stats(self) -> dict[str, Any]:
        """Tells the calls and jobs so far."""
        with self._lock:
            return {"calls": self.calls, "jobs": self.jobs}

    def _count(self, kind: str) -> None:
        with self._lock:
            self.calls[kind] += 1


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).date().isoformat()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    api: Api

    def do_GET(self) -> None:
        time.sleep(self.api.latency)
        path = self.path.partition("?")[0]
        if path == "/stats":
            self._answer(self.api.stats())
        elif path == "/v2/salesContracts":
            self._answer(self.api.list_contracts())
        elif match := re.fullmatch(r"/v2/salesAnalyticsExportJobs/(\d+)", path):
            self._answer(self.api.poll(int(match[1]), f"http://{self.headers['Host']}"))
        elif match := re.fullmatch(r"/file/(\d+)", path):
            self._send_file(self.api.file(int(match[1])))
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(self.api.latency)
        self._answer(self.api.create(self.path.partition("action=")[2], body))

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, fields: Mapping[str, Any]) -> None:
        content = json.dumps(fields).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _send_file(self, path: Path) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        self.wfile.flush()
        with path.open("rb") as file:
            self.connection.sendfile(file)


def serve(api: Api, announce: int) -> None:
    """Serves until the process that started this one closes its end of standard input.

    Args:
        api: what to serve.
        announce: a file descriptor to which the port is written.
    """
    handler = type("Handler", (_Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.write(announce, f"{server.server_address[1]}\n".encode())
    sys.stdin.read()
    server.shutdown()


class Server:
    """The server as the process that measures sees it."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.base_url = f"{self.origin}/v2"

    def stats(self) -> dict[str, Any]:
        """Returns the calls and jobs that the server has had."""
        with urllib.request.urlopen(f"{self.origin}/stats") as answer:
            stats: dict[str, Any] = json.load(answer)
        return stats


@contextmanager
def running(
    folder: Path,
    contracts: Sequence[str] = ("urn:li:contract:1",),
    rows_per_day: Mapping[str, int] | None = None,
    job_seconds: tuple[float, float] = (0.0, 0.0),
    latency: float = 0.0,
) -> Iterator[Server]:
    """Runs the server in a process of its own.

    Args:
        folder: where prepared files are.
        contracts: URNs of the contracts.
        rows_per_day: how many rows a file has that was not prepared, by export.
        job_seconds: the shortest and the longest time that a job takes.
        latency: seconds that every answer is held back.
    """
    options = {
        "folder": str(folder),
        "contracts": contracts,
        "rows_per_day": rows_per_day,
        "job_seconds": job_seconds,
        "latency": latency,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        if not select.select([process.stdout], [], [], 60)[0]:
            raise RuntimeError("The server of the benchmarks does not start.")
        yield Server(int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(timeout=30)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("options", type=json.loads)
    given = parser.parse_args().options
    serve(
        Api(
            Path(given["folder"]),
            given["contracts"],
            given["rows_per_day"] or {},
            tuple(given["job_seconds"]),
            given["latency"],
        ),
        announce=sys.stdout.fileno(),
    )
