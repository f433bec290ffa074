"""Faults of files as a whole: lines, encoding, compression."""

from typing import Literal

from salesnav_source.sandbox import transforms as t
from salesnav_source.sandbox.faults.declaring import declared
from salesnav_source.sandbox.faults.effects import Content
from salesnav_source.sandbox.faults.model import Fault, Stage
from salesnav_source.sandbox.transforms import TTransform

_GROUP = "Files"


def content(
    transform: TTransform,
    row_count: int | Literal["true"] | None = None,
    call: Literal["create", "download"] = "create",
    stage: Stage = Stage.VALUES,
) -> Fault:
    """A file is changed.

    Args:
        transform: From the records of the true file to those that are sent.
        row_count: What the job says of the rows; "true" for those of the true file, None for those that the changed
            file has.
        call: "create" to change the file of the job, "download" to change one download of it and not what the job says.
        stage: When the change is applied, if there are others.
    """
    return Fault(call, Content(transform, row_count, stage))


def always(transform: TTransform, stage: Stage = Stage.VALUES) -> Fault:
    """The files of all jobs are changed; rowCount is the number of rows that they really have."""
    return content(transform, "true", stage=stage).where(times=None)


@declared(_GROUP)
def second_header() -> Fault:
    """Files repeat their header line after the first row."""
    return always(t.repeat_header(), Stage.LINES)


@declared(_GROUP)
def footer() -> Fault:
    """Files end with a line with the number of rows."""
    return always(t.footer(), Stage.LINES)


@declared(_GROUP)
def blank_rows() -> Fault:
    """Files have lines of nothing but delimiters, after every tenth row."""
    return always(t.blank_rows(10), Stage.LINES)


@declared(_GROUP)
def zip_file() -> Fault:
    """Files come as zip archives."""
    return always(t.zipped, Stage.BYTES)


@declared(_GROUP)
def utf_16() -> Fault:
    """Files come in UTF-16, with a byte order mark."""
    return always(t.utf_16(), Stage.BYTES)


@declared(_GROUP)
def semicolons() -> Fault:
    """Files have semicolons for delimiters."""
    return always(t.delimited(";"), Stage.LINES)


@declared(_GROUP)
def quoted_empty() -> Fault:
    """Files have quotes around empty fields, and elsewhere only if they are needed."""
    return always(t.quote_empty, Stage.LINES)


@declared(_GROUP)
def gzip_twice() -> Fault:
    """Files are compressed by gzip, and then once more."""
    return always(t.compose(t.gzipped, t.gzipped), Stage.BYTES)
