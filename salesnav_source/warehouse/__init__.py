"""The warehouse: which rows it has, and how rows are loaded into it."""
