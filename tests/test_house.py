"""The house: which layer may import which, no cycles, and rooms of a size that a reader can take in."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "salesnav_source"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("exceptions",),
    ("days", "schema"),
    ("settings",),
    ("linkedin",),
    ("jobs",),
    ("warehouse",),
    ("run",),
    ("source", "dagster", "marts"),
    ("sandbox",),
    ("cli", "__main__"),
)
"""Each layer may import those before it, and itself. `salesnav_source` itself names its public members, and imports none."""

USES_THE_SANDBOX = {"cli.sandbox", "cli.workplace", "cli.transform"}
"""Its command, and what heeds `--sandbox`."""

MOST_ENTRIES, MOST_CLASS_LINES, MOST_FUNCTION_LINES = 16, 300, 60


def modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def imports(tree: ast.AST) -> Iterator[str]:
    """Yields what a module imports of this package, those for type checking alone left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("salesnav_source"):
            base = (node.module or "").removeprefix("salesnav_source").lstrip(".")
            for alias in node.names:
                whole = f"{base}.{alias.name}".lstrip(".")
                yield whole if whole in MODULES else base
        elif isinstance(node, ast.Import):
            yield from (
                alias.name.removeprefix("salesnav_source.")
                for alias in node.names
                if alias.name.startswith("salesnav_source.")
            )
        else:
            yield from imports(node)


ARROWS = {name: sorted({one for one in imports(tree) if one and one != name}) for name, tree in MODULES.items()}


def layer(module: str) -> int:
    room = module.partition(".")[0]
    return next(number for number, rooms in enumerate(LAYERS) if room in rooms)


def test_no_import_runs_upward() -> None:
    upward = [
        f"{name} imports {other}"
        for name, others in ARROWS.items()
        if name != "__init__"
        for other in others
        if layer(other) > layer(name)
    ]
    assert upward == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    seen: dict[str, str] = {}
    circles: list[str] = []

    def visit(name: str, way: tuple[str, ...]) -> None:
        if seen.get(name) == "under way":
            circles.append(" -> ".join([*way[way.index(name) :], name]))
        if name in seen:
            return
        seen[name] = "under way"
        for other in ARROWS.get(name, ()):
            visit(other, (*way, name))
        seen[name] = "done"

    for name in ARROWS:
        visit(name, ())
    assert circles == []


def test_rooms_point_one_way() -> None:
    between: dict[str, set[str]] = defaultdict(set)
    for name, others in ARROWS.items():
        between[name.partition(".")[0]] |= {other.partition(".")[0] for other in others}
    both = [
        (one, other) for one, others in between.items() for other in others if one < other and one in between[other]
    ]
    assert both == []


def test_only_its_command_and_the_option_import_the_sandbox() -> None:
    users = {
        name
        for name, others in ARROWS.items()
        if not name.startswith("sandbox") and any(other.partition(".")[0] == "sandbox" for other in others)
    }
    assert users <= USES_THE_SANDBOX


def test_the_package_has_few_entries() -> None:
    entries = [path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


@pytest.mark.parametrize("name", MODULES)
def test_classes_and_functions_are_short(name: str) -> None:
    long = [
        f"{node.name} has {lines} lines"
        for node in ast.walk(MODULES[name])
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or 0) - node.lineno + 1)
        > (MOST_CLASS_LINES if isinstance(node, ast.ClassDef) else MOST_FUNCTION_LINES)
        # the signature of the source is where its settings are read
        and (name, node.name) != ("source", "salesnav")
    ]
    assert long == []


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is_about(name: str) -> None:
    assert ast.get_docstring(MODULES[name]) or name.endswith("__main__")
