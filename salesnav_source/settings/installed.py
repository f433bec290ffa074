"""How to install more packages beside this one, however it was installed."""

import importlib.util
import re
import sys
from importlib.metadata import PackageNotFoundError, requires

DISTRIBUTION = "salesnav-source"


def how_to_install(*requirements: str) -> str:
    """Returns the command that installs requirements beside this package."""
    has_pip = importlib.util.find_spec("pip") is not None
    installer = f"{sys.executable} -m pip install" if has_pip else f"uv pip install --python {sys.executable}"
    return " ".join([installer, *(f'"{requirement}"' for requirement in requirements)])


def of_extra(extra: str) -> list[str]:
    """Returns what an extra of this package requires. A command with these works with a clone, a wheel or an index."""
    try:
        declared = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        declared = []
    named = re.compile(rf"""extra\s*==\s*["']{re.escape(extra)}["']""")
    return [one.partition(";")[0].strip() for one in declared if named.search(one)] or [f"dlt[{extra}]"]
