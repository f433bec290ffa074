"""Where an error came from, and what follows from it."""

import inspect
import re

import pytest
from dlt.common.exceptions import TransientException

from salesnav_source import exceptions
from salesnav_source.exceptions import (
    CONSEQUENCES,
    ConfigurationError,
    DestinationError,
    SalesnavError,
    UnendedFileError,
    causes,
    consequence_of,
)
from salesnav_source.run import exit_codes
from salesnav_source.run.errors import explain

ERRORS = {
    name: kind
    for name, kind in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(kind, SalesnavError) and kind.__module__ == exceptions.__name__
}


def made(kind: type[SalesnavError]) -> SalesnavError:
    if kind is DestinationError:
        return DestinationError("x", in_vain=False)
    return UnendedFileError(1) if kind is UnendedFileError else kind("x")


def test_the_table_has_every_error_once() -> None:
    assert set(CONSEQUENCES) == set(ERRORS.values())


@pytest.mark.parametrize("name", ERRORS)
def test_the_table_agrees_with_the_classes_and_the_exit_codes(name: str) -> None:
    error = made(ERRORS[name])
    follows = consequence_of(error)
    assert follows is not None
    assert follows.retry == isinstance(error, TransientException)
    assert follows.exit_code == explain(error, while_loading=True)[1]
    assert explain(error)[1] in (exit_codes.NOT_TRIED, follows.exit_code)


def test_these_errors_alone_end_a_run_with_2_though_it_was_under_way() -> None:
    refused = {name for name, kind in ERRORS.items() if explain(made(kind), while_loading=True)[1] == 2}
    assert refused == {
        "ConfigurationError",
        "SignInError",
        "PipelineBusyError",
        "JournalUnreachableError",
        "AccessTokenError",
        "AccessDeniedError",
    }


def test_an_error_of_another_module_follows_its_nearest_class() -> None:
    class OwnError(ConfigurationError):
        pass

    assert consequence_of(OwnError("x")) == CONSEQUENCES[ConfigurationError]
    assert consequence_of(ValueError("x")) is None
    refused = consequence_of(DestinationError("x", in_vain=True))
    assert refused is not None and refused.exit_code == exit_codes.NOT_TRIED


def test_the_drawn_tree_is_the_tree() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (exceptions.__doc__ or "").splitlines():
        found = re.match(r"    ([│├└─ ]*)(\w+Error)\b", line)
        if found:
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else "DltException"
    assert drawn == {name: kind.__mro__[1].__name__ for name, kind in ERRORS.items()}


def test_errors_that_name_each_other_are_each_told_once() -> None:
    inner, outer = RuntimeError("a bug"), ValueError("the step failed")
    outer.__cause__, inner.__cause__ = inner, outer
    assert list(causes(outer)) == [outer, inner]
    assert list(causes(inner)) == [inner, outer]


def test_what_an_error_was_raised_in_spite_of_is_a_cause_unless_it_is_hidden() -> None:
    disk, failed = OSError(28, "No space left on device"), RuntimeError("failed")
    failed.__context__ = disk
    assert list(causes(failed)) == [failed, disk]
    failed.__suppress_context__ = True
    assert list(causes(failed)) == [failed]
