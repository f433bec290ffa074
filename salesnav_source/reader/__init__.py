"""A spooled CSV file as Parquet: the typed rows, and the rows that cannot be loaded, whole and with the reason.

The way of a file through the modules:

1. `blocks` reads it, plain or compressed, and cuts it into blocks of whole rows; `rows` tells rows and lines apart.
2. `header` says which column stands where, and how the columns are called that no export declares.
3. `parsing` turns a block into one array of texts per column, `values` turns texts into numbers and times, and `typed`
   puts both together: the rows of a block as they are loaded, and why the others are not.
4. `files` writes both kinds of rows, the typed ones as the Parquet file that is loaded, and reads them back.
5. `repetitions` notices keys that occur again; only then is the file read anew, to find and leave out what repeats.

`reading` leads through these steps, with a few blocks being typed at the same time, so that memory does not grow with
the file. What is exact but slow, such as the text and line of a single row, is looked up
only in blocks that hold rows to reject. `arrays` has names and small functions that all of them use.
"""

from salesnav_source.reader.files import read_rejected, read_schema, read_tables, remove
from salesnav_source.reader.reading import ReadResult, read_export, reading_pool

__all__ = ["ReadResult", "read_export", "read_rejected", "read_schema", "read_tables", "reading_pool", "remove"]
