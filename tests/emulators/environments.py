"""Virtual environments for the emulators, which take other versions of packages than the project does."""

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

HERE = Path(__file__).parent
ROOT = HERE.parents[1] / ".venvs"
"""Where the environments are; git ignores it, and deleting it is safe."""

INSTALL_SECONDS = 900


class NotInstallableError(Exception):
    """The packages of an emulator cannot be had, e.g. for want of a network."""


def python_of(name: str, requirements: Path | None = None, only: Sequence[str] = ()) -> Path:
    """Returns the interpreter of an environment, which is made on first use and whenever its pins change.

    Args:
        name: of the environment.
        requirements: what is installed; by default `<name>.txt` beside this file.
        only: the packages of these that are installed, with what they need; all if none is named.

    Raises:
        NotInstallableError: if they cannot be installed.
    """
    requirements = requirements or HERE / f"{name}.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + repr((sys.version, *only)).encode()).hexdigest()
    folder, ready = ROOT / name, ROOT / name / ".ready"
    python = folder / "bin" / "python"
    ROOT.mkdir(exist_ok=True)
    # runs of the tests at the same time wait for each other here
    with FileLock(ROOT / f"{name}.lock", timeout=INSTALL_SECONDS):
        if not ready.exists() or ready.read_text() != wanted:
            _install(
                folder, ["--constraint", str(requirements), *only] if only else ["--requirement", str(requirements)]
            )
            ready.write_text(wanted)
    return python


def _install(folder: Path, what: Sequence[str]) -> None:
    """Makes an environment, by uv where it is installed, and by pip where it is not.

    uv takes a tenth of pip's time, but does not know pip's configuration. So pip also has a try where uv finds no package.
    """
    python = str(folder / "bin" / "python")
    quick = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *what]
    slow = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what]
    said = ""
    for command in [quick, slow] if find_spec("uv") else [slow]:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=command is slow)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            raise NotInstallableError(f"The packages were not installed within {INSTALL_SECONDS} s") from None
        if not done.returncode:
            return
        said = " ".join([line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()[-1:])
    raise NotInstallableError(said)
