"""MySQL and MariaDB, by dlt's sqlalchemy: long texts, letters that are told apart, and moments without a time zone."""

import re
from typing import Any

BACKENDS = ("mysql", "mariadb")
"""What SQLAlchemy calls them."""

_LETTER = re.compile(r"'[^']*'|\bCHR\((\d+)\)")
"""A text, which stays as it is, or a letter by its number."""
_MOMENT = re.compile(r"'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})\+00:00'")


def backend_of(pipeline: Any) -> str | None:
    """Returns what SQLAlchemy calls the database of a pipeline; None for a destination that is not dlt's sqlalchemy."""
    if pipeline is None or not pipeline.destination.destination_type.endswith(".sqlalchemy"):
        return None
    return str(pipeline.destination_client().config.get_backend_name())


def is_mysql(pipeline: Any) -> bool:
    """Tells whether rows go into MySQL or MariaDB."""
    return backend_of(pipeline) in BACKENDS


def as_mysql(sql: str) -> str:
    """Returns SQL whose moments name no time zone, and whose letters by number are called as MySQL and MariaDB call them.

    dlt keeps moments there as UTC in columns that have none. MySQL would turn a literal with `+00:00` into the time zone of
    the session, and MariaDB cuts it off with a warning, which is an error in some modes. `CHR` is MariaDB's alone.
    """
    return _LETTER.sub(
        lambda found: f"CHAR({found[1]} USING utf8mb4)" if found[1] else found[0], _MOMENT.sub(r"'\1'", sql)
    )


def make_exact_tables() -> None:
    """Has dlt make tables in MySQL and MariaDB that hold all texts and tell all of them apart, in this process.

    Its own have columns of type TEXT, of 64 kB, which is less than the schemas that dlt stores; and mostly letters of which
    `a` equals `A` and `ä`, so that rows with such keys would be taken for one.
    """
    from dlt.destinations.impl.sqlalchemy import dialect
    from dlt.destinations.impl.sqlalchemy.type_mapper import MysqlVariantTypeMapper
    from sqlalchemy.dialects.mysql import LONGTEXT

    class LongTexts(MysqlVariantTypeMapper):
        def db_type_from_text_type(self, column: Any, table: Any) -> Any:
            usual = super().db_type_from_text_type(column, table)
            return LONGTEXT() if getattr(usual, "length", None) is None else usual

    class ExactTables(dialect.MysqlDialectCapabilities):
        def type_mapper_class(self) -> Any:
            return LongTexts

        def adapt_table(self, table: Any, table_schema: Any) -> Any:
            for backend in BACKENDS:
                options = table.dialect_options[backend]
                options["charset"], options["collate"] = "utf8mb4", "utf8mb4_bin"
            return table

    for backend in BACKENDS:
        dialect.register_dialect_capabilities(backend, ExactTables)
