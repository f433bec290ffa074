"""The reader: files as it gives them back, types, rejected and repeated rows, lines, and damage of every kind."""
