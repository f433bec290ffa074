"""Charts as pictures, drawn by another process: a renderer that dies is a sentence, not the end of the command."""

import base64
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from salesnav_source.exceptions import SalesnavError

PATIENCE = 60.0
"""Seconds that one picture may take."""

_COMMAND = (sys.executable, str(Path(__file__).with_name("draw_worker.py")))


class DrawingError(SalesnavError):
    """A chart could not be drawn."""


class Renderer:
    """A process that draws; another takes its place when it has died. Usable from several threads."""

    def __init__(self, command: Sequence[str] = _COMMAND, patience: float = PATIENCE) -> None:
        """Starts the process, which takes a moment to be ready.

        Args:
            command: the process, which answers lines of JSON.
            patience: seconds that one picture may take.
        """
        self._command = list(command)
        self._patience = patience
        self._lock = threading.Lock()
        self._process = self._start()

    def svg(self, spec: dict[str, Any], what: str) -> str:
        """Returns a chart as SVG.

        Args:
            spec: of Vega-Lite.
            what: names it in a message.

        Raises:
            DrawingError: if it cannot be drawn.
        """
        return self._ask({"kind": "svg", "spec": spec}, what)

    def png(self, spec: dict[str, Any], what: str) -> bytes:
        """Returns a chart as PNG.

        Args:
            spec: of Vega-Lite.
            what: names it in a message.

        Raises:
            DrawingError: if it cannot be drawn.
        """
        return base64.b64decode(self._ask({"kind": "png", "spec": spec}, what))

    def bundle(self) -> str:
        """Returns the script that makes charts answer to the pointer in a browser.

        Raises:
            DrawingError: if it cannot be made.
        """
        return self._ask({"kind": "bundle"}, "the script for the browser")

    def close(self) -> None:
        """Ends the process."""
        self._end(self._process)

    def __enter__(self) -> "Renderer":
        """Gives itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process."""
        self.close()

    def _ask(self, asked: dict[str, Any], what: str) -> str:
        line = json.dumps(asked, allow_nan=False)
        with self._lock:
            answer = self._answer(line, what)
        if "error" in answer:
            raise DrawingError(f"{what} could not be drawn: {answer['error']}")
        return str(answer["drawn"])

    def _answer(self, line: str, what: str) -> dict[str, str]:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        watch = threading.Timer(self._patience, process.kill)
        watch.start()
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            answer: dict[str, str] = json.loads(process.stdout.readline())
        except (OSError, ValueError):
            self._end(process)
            self._process = self._start()
            raise DrawingError(f"{what} could not be drawn: the renderer ended at it, or took too long.") from None
        finally:
            watch.cancel()
        return answer

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C is for the command, which ends this process itself
            start_new_session=True,
        )

    @staticmethod
    def _end(process: "subprocess.Popen[str]") -> None:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        process.wait()
