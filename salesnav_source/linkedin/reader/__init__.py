"""Reads a CSV file and writes Parquet: the typed rows, and beside them the rows that cannot be loaded.

How a file goes through the modules:

1. `blocks` reads it, plain or compressed, and cuts it into blocks of whole rows; `rows` finds rows and lines.
2. `header` finds the position of each column, and names the columns that no export declares.
3. `parsing` turns a block into one array of texts per column. `values` turns texts into what a type holds: `numbers`, `times`.
   `typed` puts both together: the rows of a block as they are loaded, and why the others are not.
4. `styles` counts what the values show about the order of month and day (`orders`) and about the marks in numbers. If they
   show another style than the documented one, the file is read again.
5. `files` writes both kinds of rows, the typed ones as the Parquet file that is loaded, and reads them back.
6. `repetitions` notices keys that occur again. Only then is the file read again, to leave out what repeats.
7. `seat_day` looks for the column with the day of seats, if no known header has it, or if that column has something else.

`reading` runs these steps for a `request`. It types a few blocks at the same time, so memory does not grow with the file. Slow
work, such as finding the text and line of a single row, is done only for blocks with rows to reject. `arrays` has names and
small functions that all of them use.
"""

from salesnav_source.linkedin.reader.files import read_rejected, read_schema, read_tables, remove
from salesnav_source.linkedin.reader.header import HeaderColumn
from salesnav_source.linkedin.reader.reading import ReadResult, read_export, reading_pool

__all__ = [
    "HeaderColumn",
    "ReadResult",
    "read_export",
    "read_rejected",
    "read_schema",
    "read_tables",
    "reading_pool",
    "remove",
]
