"""Where an error came from."""

from salesnav_source.exceptions import causes


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
